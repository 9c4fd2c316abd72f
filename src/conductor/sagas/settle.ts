/** Writes what became of an instance, unless it is being deleted: then it belongs to the delete. */
import { getInstance, type InstanceChanges, updateInstance } from '#db/instances.ts'
import { OperationCancelled } from '#lib/saga/index.ts'
import type { Instance } from '#model/instance/index.ts'
import { NOT_DELETING } from '../announce.ts'
import type { Ctx, Trx } from '../world.ts'

export async function settle(
  trx: Trx,
  { world, subject }: Ctx<unknown, object>,
  changes: InstanceChanges,
): Promise<Instance> {
  const options = { now: world.clock.now(), expect: { taskState: NOT_DELETING } }
  const instance = await updateInstance(trx, subject, changes, options)
  if (!instance) throw new OperationCancelled(`instance ${subject} is being deleted`)
  return instance
}

/** The host that an instance must be on. */
export async function hostOf({ world, subject }: Ctx<unknown, object>): Promise<string> {
  const { host } = await getInstance(world.db, subject)
  if (host === null) throw new Error(`Instance ${subject} is on no host.`)
  return host
}

/** Notes without some of them. */
export const without = (
  notes: Readonly<Record<string, string>>,
  ...names: readonly string[]
): Record<string, string> =>
  Object.fromEntries(Object.entries(notes).filter(([name]) => !names.includes(name)))
