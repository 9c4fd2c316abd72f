import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, renderMetrics } from '#lib/metrics.ts'
import type { ImageAges } from '#virt/port.ts'
import { withCompute } from '../../../test/compute-rig.ts'
import { eventually } from '../../../test/eventually.ts'

for (const removeUnusedImages of [true, false])
  test(`images that no guest needs: remove_unused_base_images = ${removeUnusedImages}`, async () => {
    const metrics = createMetrics()
    const told = () => renderMetrics(metrics.families()).split('\n')
    const asked: ImageAges[] = []
    const how = removeUnusedImages ? 'done' : 'dry'
    await withCompute(
      async () => {
        const run = `kilonova_repair_runs_total{task="image cache",result="${how}"}`
        await eventually(() => told().some((line) => line.startsWith(run)), { what: 'the run counted' })
        assert.deepEqual(asked[0], { unusedMs: 7, unusedResizedMs: 5, dryRun: !removeUnusedImages })
        const removed = 'kilonova_repair_total{task="image cache",what="removed"} '
        assert.equal(
          told().some((line) => line.startsWith(removed)),
          removeUnusedImages,
        )
      },
      {
        metrics,
        config: { imageCacheIntervalMs: 20, removeUnusedImages, unusedImageMs: 7, unusedResizedImageMs: 5 },
        ageImages: async (ages) => (asked.push(ages), { used: 0, young: 0, removed: 1, leftovers: 0 }),
      },
    )
  })
