/** All that a request for servers writes: new ones with their disks, the action, and the operations that build or change them. */
import type { Kysely, Transaction } from 'kysely'
import type { SagaName } from '#contracts/operations.ts'
import { insertTogether, isUniqueViolation } from '#db/kit/index.ts'
import { conflict } from '#lib/fault.ts'
import { deviceRows, type NewBlockDevice } from './block-devices.ts'
import { newActionRows, type NewAction } from './instance-actions.ts'
import { type NewInstance, rowOf } from './instance-row.ts'
import { sideRows } from './instances.ts'
import { type NewOperation, operationRow } from './operations.ts'
import type { NovaDb } from './schema.ts'

export interface NewBuilds {
  readonly instances: readonly NewInstance[]
  readonly devices: readonly NewBlockDevice[]
  readonly actions: readonly NewAction[]
  readonly operations: readonly NewOperation<'build-server' | 'build-server-with-volumes'>[]
}

/** Stores all of it or nothing, in one statement where the database can. A uuid in use is a conflict. Nudge the conductor afterwards. */
export async function insertBuilds(
  db: Kysely<NovaDb> | Transaction<NovaDb>,
  { instances, devices, actions, operations }: NewBuilds,
  { now }: { readonly now: number },
): Promise<void> {
  const { tags, metadata } = sideRows(instances)
  try {
    await insertTogether<NovaDb>(db, {
      instances: instances.map((instance) => rowOf(instance, now)),
      instance_tags: tags,
      instance_metadata: metadata,
      block_device_mapping: deviceRows(devices, { now }),
      instance_actions: newActionRows(actions, { now }),
      operations: operations.map((operation) => operationRow(operation, now)),
    })
  } catch (error) {
    if (isUniqueViolation(error)) throw conflict('An instance with this id already exists.', { cause: error })
    throw error
  }
}

/** What a request writes beside the change of its server, in one statement where the database can. Nudge the conductor afterwards. */
export async function insertBegun<S extends SagaName>(
  trx: Transaction<NovaDb>,
  { action, operation }: { readonly action?: NewAction; readonly operation: NewOperation<S> },
  { now }: { readonly now: number },
): Promise<void> {
  await insertTogether<NovaDb>(trx, {
    instance_actions: newActionRows(action ? [action] : [], { now }),
    operations: [operationRow(operation, now)],
  })
}
