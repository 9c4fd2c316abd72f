/** Builds that fail on a host: what of them speaks against it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, guestSpec, withCompute } from '../../test/compute-rig.ts'
import { eventually } from '../../test/eventually.ts'

test('builds that failed by the fault of the host are counted until one succeeds, and told with the node', async () => {
  await withCompute(
    async ({ send, outcome, heard }) => {
      const told = (count: number) =>
        eventually(() => heard.nodes.at(-1)?.failedBuilds === count, { what: `${count} failed builds` })
      const build = async (properties: Record<string, string>) => {
        const each = command('build', guestSpec(properties))
        await send(each)
        return (await outcome(each)).ok
      }
      const failing = { kilonova_sim_fail: 'spawn' }
      assert.deepEqual([await build(failing), await build(failing)], [false, false])
      assert.equal(await build({ ...failing, kilonova_sim_fail_kind: 'refused' }), false)
      const slow = guestSpec({ kilonova_sim_spawn_ms: '60000' })
      const [ended, end] = [command('build', slow), command('destroy', slow)]
      await send(ended)
      await send(end)
      await Promise.all([outcome(ended), outcome(end)])
      await told(2)
      assert.equal(await build({}), true)
      await told(0)
    },
    { config: { catchUpMs: 20 } },
  )
})
