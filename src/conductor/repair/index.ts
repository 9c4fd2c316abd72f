/** Repair: what a crash leaves, and what nobody foresaw, is found and put right every day. */
import type { Log } from '#lib/log.ts'
import type { World } from '../world.ts'
import { abandonedInstances } from './abandoned-instances.ts'
import { deletedServers } from './deleted-servers.ts'
import { createRepairLoop, type Repair, type RepairObserver } from './loop.ts'
import { oldRecords } from './old-records.ts'
import { orphanedAllocations } from './orphaned-allocations.ts'
import { returnedHosts } from './returned-hosts.ts'
import { shelvedServers } from './shelved-servers.ts'
import { softDeletedInstances } from './soft-deleted-instances.ts'
import { strayReservations } from './stray-reservations.ts'
import { stuckOperations } from './stuck-operations.ts'
import { unfinishedUndoings } from './unfinished-undoings.ts'
import { vanishedPorts } from './vanished-ports.ts'

export type { Repair } from './loop.ts'

export const createRepair = (deps: {
  readonly world: World
  readonly log: Log
  readonly observe?: RepairObserver | undefined
}): Repair =>
  createRepairLoop({
    ...deps,
    tasks: [
      stuckOperations,
      unfinishedUndoings(),
      abandonedInstances,
      orphanedAllocations,
      returnedHosts,
      softDeletedInstances,
      shelvedServers,
      vanishedPorts(),
      strayReservations(),
      oldRecords,
      deletedServers,
    ],
  })
