/**
 * Images that were kept for guests go when no guest has needed them for long (`[image_cache]`). Where they are not to
 * be removed (`remove_unused_base_images`), the log still says which could be.
 */
import { canAgeImages } from '#virt/port.ts'
import { computeCounts } from '../measure.ts'
import type { World } from '../world.ts'

const TASK = 'image cache'

export interface ImageCacheRepair {
  run(options: { readonly dryRun: boolean }): Promise<void>
}

/** Undefined where the driver keeps no images. */
export function createImageCacheRepair(world: World): ImageCacheRepair | undefined {
  const { driver, config, log } = world
  if (!canAgeImages(driver)) return undefined
  const counts = computeCounts(world.metrics)
  return {
    async run({ dryRun }) {
      try {
        const aged = await driver.ageImages({
          unusedMs: config.unusedImageMs,
          unusedResizedMs: config.unusedResizedImageMs,
          dryRun,
        })
        const { removed, leftovers } = aged
        counts.repair(TASK, { removed, leftovers }, dryRun)
        if (removed + leftovers > 0) log.info({ repair: TASK, ...aged, dryRun }, 'repaired')
      } catch (error) {
        counts.repair(TASK, 'failed', dryRun)
        throw error
      }
    },
  }
}
