/**
 * What operations left behind because an undo kept failing (a neighbour was away for long): it is tried again,
 * by the operation itself, which lives again to undo. What failed servers would otherwise keep until they are
 * deleted.
 */
import { listLeftBehind, resumeUndoing } from '#db/operations.ts'
import { GRACE_MS, type RepairTask } from './task.ts'

/** How far back the first look goes. */
const FIRST_LOOK_MS = 3_600_000
const LIMIT = 200

/** Remembers up to where it has looked; a new conductor looks an hour back. */
export function unfinishedUndoings(): RepairTask {
  let looked = Number.NEGATIVE_INFINITY
  return {
    name: 'unfinished undoings',
    async run(world, log, { dryRun }) {
      const now = world.clock.now()
      const until = now - GRACE_MS
      const after = Math.max(looked, now - FIRST_LOOK_MS)
      const found = await listLeftBehind(world.db, { after, until, limit: LIMIT })
      let resumed = 0
      for (const { id, instanceUuid, steps } of found) {
        log.warn({ operation: id, instance: instanceUuid, steps, dryRun }, 'an undoing was given up')
        if (dryRun || (await resumeUndoing(world.db, id, { now }))) resumed++
      }
      if (!dryRun) looked = found.length < LIMIT ? until : (found.at(-1)?.endedAt ?? until)
      if (resumed > 0 && !dryRun) world.nudge()
      return { resumed }
    },
  }
}
