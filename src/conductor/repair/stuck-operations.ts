/**
 * Operations that should run and do not: due, and held by nobody living, for several leases. The runner
 * takes them when nudged; that there are any means that runners died, or are too busy.
 */
import { countStuckOperations } from '#db/operation-subjects.ts'
import type { RepairTask } from './task.ts'

export const stuckOperations: RepairTask = {
  name: 'stuck operations',
  async run(world, log, { dryRun }) {
    const { leaseMs, pollMs } = world.config
    const before = world.clock.now() - 2 * (leaseMs + pollMs)
    const stuck = await countStuckOperations(world.db, { before })
    if (stuck > 0) log.warn({ stuck, dryRun }, 'operations are due and nobody works on them')
    if (stuck > 0 && !dryRun) world.nudge()
    return { stuck }
  },
}
