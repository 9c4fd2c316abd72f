/**
 * Rows of servers that were deleted long ago: out of the way first (`[database] archive_deleted_after_days`), later gone for
 * good (`purge_deleted_after_days`). A bounded number each time, in small transactions; neither, unless it is asked for.
 */
import { archiveDeleted, countArchived, countDeleted, purgeArchived } from '#db/archive.ts'
import type { World } from '../world.ts'
import type { RepairTask } from './task.ts'

/** Rows moved, or removed, in one run. */
const MAX_ROWS = 5_000

export const deletedServers: RepairTask = {
  name: 'deleted servers',
  async run(world, _log, options) {
    const { archiveDeletedMs, purgeDeletedMs } = world.config
    return {
      archived: archiveDeletedMs === 0 ? 0 : await archive(world, archiveDeletedMs, options),
      purged: purgeDeletedMs === 0 ? 0 : await purge(world, purgeDeletedMs, options),
    }
  },
}

/** How many servers. */
async function archive(
  { db, clock }: World,
  ageMs: number,
  { dryRun }: { dryRun: boolean },
): Promise<number> {
  const now = clock.now()
  const before = now - ageMs
  if (dryRun) return countDeleted(db, before)
  return (await archiveDeleted(db, { before, maxRows: MAX_ROWS, now }))['instances'] ?? 0
}

/** How many rows. */
async function purge({ db, clock }: World, ageMs: number, { dryRun }: { dryRun: boolean }): Promise<number> {
  const before = clock.now() - ageMs
  if (dryRun) return countArchived(db, before)
  const counts = await purgeArchived(db, { before, maxRows: MAX_ROWS })
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
