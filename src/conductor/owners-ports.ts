/** The ports of an instance that its owner brought along: they are freed, never removed. */
import { findInstance } from '#db/instances.ts'
import { findBuildParams } from '#db/operations.ts'
import type { Db } from './world.ts'

/** As the build asked for them, and as the instance knows them: a build that died half way wrote only the former. */
export async function ownersPorts(db: Db, instanceUuid: string): Promise<string[]> {
  const instance = await findInstance(db, instanceUuid, { deleted: 'include' })
  const known = instance?.networkInfo.filter((vif) => vif.preexisting).map(({ id }) => id) ?? []
  const asked =
    (await findBuildParams(db, instanceUuid))?.networks.flatMap(({ portId }) => portId ?? []) ?? []
  return [...new Set([...known, ...asked])]
}
