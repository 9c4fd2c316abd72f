/** Hosts that servers were evacuated from and that are up again: what was held there for them is free. */
import { listMigrations, updateMigration } from '#db/instance-migrations.ts'
import { isHostUp } from '../command-step.ts'
import type { RepairTask } from './task.ts'

const LIMIT = 500

export const returnedHosts: RepairTask = {
  name: 'returned hosts',
  async run(world, log, { dryRun }) {
    const filters = { types: ['evacuation'], statuses: ['done'] }
    let released = 0
    for (const { uuid, sourceCompute } of await listMigrations(world.db, filters, { limit: LIMIT })) {
      if (sourceCompute === null || !(await isHostUp(world.db, sourceCompute, world))) continue
      log.info({ migration: uuid, host: sourceCompute, dryRun }, 'the host of an evacuated server is back')
      released++
      if (dryRun) continue
      await world.placement.release(uuid)
      await updateMigration(world.db, uuid, { status: 'completed' }, { now: world.clock.now() })
    }
    return { released }
  },
}
