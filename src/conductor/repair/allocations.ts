/**
 * What Placement says is used on a compute node, against the servers that are there. Both ways: allocations that
 * nothing stands behind, and servers that stand there without one.
 */
import { listUnsettledMigrations } from '#db/instance-migrations.ts'
import { findInstance } from '#db/instances.ts'
import {
  type GuestState,
  listGuestStates,
  listInstanceStates,
  withLiveOperation,
} from '#db/operation-subjects.ts'
import { resourcesOf } from '#model/flavor/index.ts'
import { type Instance, isVolumeBacked } from '#model/instance/index.ts'
import type { AllocationRequest, Consumer } from '#neighbours/placement/port.ts'
import type { World } from '../world.ts'

type AllocationsWorld = Pick<World, 'db' | 'placement'>

/** A compute node, whose uuid is its provider's. */
interface Node {
  readonly uuid: string
  readonly host: string
}

interface Difference {
  /** Consumers on the provider that are neither a standing server, nor being worked on, nor a move under way. */
  readonly orphans: readonly string[]
  /** Servers that are settled on the host and have nothing on the provider. */
  readonly bare: readonly string[]
}

/**
 * Allocations are read first: what is claimed after that cannot look like an orphan. It can look bare: whoever
 * heals looks again (`heal`).
 */
export async function compareAllocations(
  { db, placement }: AllocationsWorld,
  node: Node,
): Promise<Difference> {
  const consumers = Object.keys(await placement.allocationsOn(node.uuid))
  const states = await listGuestStates(db, { host: node.host, uuids: consumers })
  const busy = await withLiveOperation(
    db,
    states.map(({ uuid }) => uuid),
  )
  const held = new Set(consumers)
  const standing = new Set(states.filter(stands).map(({ uuid }) => uuid))
  const suspects = consumers.filter((consumer) => !busy.has(consumer) && !standing.has(consumer))
  const moving = await movesOf({ db }, suspects)
  return {
    orphans: suspects.filter((consumer) => !moving.has(consumer)),
    bare: states
      .filter((state) => state.host === node.host && isSettled(state))
      .map(({ uuid }) => uuid)
      .filter((uuid) => !held.has(uuid) && !busy.has(uuid)),
  }
}

const stands = ({ deleted, host }: GuestState): boolean => !deleted && host !== null

const isSettled = ({
  deleted,
  taskState,
  vmState,
}: Pick<GuestState, 'deleted' | 'taskState' | 'vmState'>): boolean =>
  !deleted && taskState === null && vmState !== 'building' && vmState !== 'error'

/** Of these consumers, the moves whose server still is: they hold a host's resources until they are settled. */
async function movesOf(
  { db }: Pick<World, 'db'>,
  consumers: readonly string[],
): Promise<ReadonlySet<string>> {
  const moves = await listUnsettledMigrations(db, consumers)
  const subjects = moves.map(({ instanceUuid }) => instanceUuid)
  const alive = new Set(
    (await listInstanceStates(db, subjects)).filter(({ deleted }) => !deleted).map(({ uuid }) => uuid),
  )
  return new Set(moves.filter(({ instanceUuid }) => alive.has(instanceUuid)).map(({ uuid }) => uuid))
}

/** What the server takes from its host, as its claim would. */
export const allocationOf = (instance: Instance, providerUuid: string): AllocationRequest => ({
  [providerUuid]: { resources: resourcesOf(instance.flavor, { isVolumeBacked: isVolumeBacked(instance) }) },
})

const consumerOf = ({ uuid, projectId, userId }: Instance): Consumer => ({
  instanceUuid: uuid,
  projectId,
  userId,
})

/**
 * Claims what a bare server uses, and lets go of what it holds elsewhere. `not bare`: it has its allocation, or is gone, after all. `no room`: the host is
 * full without it.
 */
export async function heal(
  { db, placement }: AllocationsWorld,
  node: Node,
  instanceUuid: string,
): Promise<'healed' | 'not bare' | 'no room'> {
  const held = Object.keys(await placement.allocationsOf(instanceUuid))
  if (held.includes(node.uuid)) return 'not bare'
  const instance = await findInstance(db, instanceUuid)
  if (instance?.host !== node.host || !isSettled(instance)) return 'not bare'
  if ((await withLiveOperation(db, [instanceUuid])).has(instanceUuid)) return 'not bare'
  // Somebody who no longer had a say claimed another host in its place.
  if (held.length > 0) await placement.release(instanceUuid)
  const claimed = await placement.claim(consumerOf(instance), allocationOf(instance, node.uuid))
  return claimed ? 'healed' : 'no room'
}
