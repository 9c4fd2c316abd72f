/** Ended operations and console tokens are kept for a while, for whoever asks what happened, and then removed. */
import { purgeConsoleTokens } from '#db/console-tokens.ts'
import { countOldRecords } from '#db/operation-subjects.ts'
import { purgeOperations } from '#db/operations.ts'
import type { RepairTask } from './task.ts'

const LIMIT = 5_000

export const oldRecords: RepairTask = {
  name: 'old records',
  async run(world, _log, { dryRun }) {
    const now = world.clock.now()
    if (dryRun) return countOldRecords(world.db, { before: now - world.config.keepOperationsMs })
    const operations = await purgeOperations(world.db, {
      before: now - world.config.keepOperationsMs,
      limit: LIMIT,
    })
    const tokens = await purgeConsoleTokens(world.db, { before: now - world.config.keepOperationsMs })
    return { operations, tokens }
  },
}
