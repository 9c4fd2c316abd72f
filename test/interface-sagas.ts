/** The interfaces of servers, as sagas find and leave them: for the free tests of every saga. */
import assert from 'node:assert/strict'
import type { OperationParams } from '#contracts/operations.ts'
import { modifyInstance, updateInstance } from '#db/instances.ts'
import { type Instance, POWER_STATES } from '#model/instance/index.ts'
import { vifWith } from './contract/fixtures.ts'
import { buildParams, type SmallCloud } from './small-cloud.ts'

const NETWORK = 'more'

/** A port of its own network, bound and known to the instance. */
async function givePort({ networks, world }: SmallCloud, uuid: string): Promise<{ portId: string }> {
  const request = { networkId: NETWORK, portId: null }
  const vif = await networks.attach(
    { instanceUuid: uuid, host: 'h1' },
    { ...request, fixedIp: null, securityGroupIds: [], tag: null },
  )
  await modifyInstance(world.db, uuid, { now: 1 }, ({ networkInfo }) => ({
    networkInfo: [...networkInfo, vif],
  }))
  return { portId: vif.id }
}

/** What the API did before each of these sagas; a detach finds what an attach left. */
export const INTERFACE_PREPARATIONS = {
  'attach-interface': (cloud: SmallCloud, uuid: string): Promise<OperationParams<'attach-interface'>> =>
    givePort(cloud, uuid),
  'detach-interface': (cloud: SmallCloud, uuid: string): Promise<OperationParams<'detach-interface'>> =>
    givePort(cloud, uuid),
} as const

/** Whether Neutron and the instance agree that it has the interface, or that it has not: one of `expected`. */
export function assertInterface(
  cloud: SmallCloud,
  instance: Instance,
  ...expected: readonly boolean[]
): void {
  const port = cloud.networks.all().find(({ networkId }) => networkId === NETWORK)
  const isKnown = port !== undefined && instance.networkInfo.some(({ id }) => id === port.id)
  const isThere = port !== undefined
  assert.ok(expected.includes(isThere), `the port is ${isThere ? 'there' : 'gone'}`)
  assert.equal(isKnown, isThere)
  assert.equal(instance.networkInfo.length, isThere ? 4 : 3, 'the others stay')
}

/** Saga, whether the interface is there when it ended well, and where it may be when it failed. */
export const INTERFACE_CASES = [
  ['attach-interface', true, [false]],
  ['detach-interface', false, [true, false]],
] as const

/** An instance as a build leaves it. */
export async function runningInstance(cloud: SmallCloud): Promise<string> {
  const uuid = await cloud.addInstance({ host: 'h1', node: 'h1.example', powerState: POWER_STATES.running })
  await cloud.placement.claim({ instanceUuid: uuid }, { 'rp-h1': { resources: { VCPU: 1 } } })
  const vifs = await cloud.networks.allocate({ instanceUuid: uuid, host: 'h1' }, buildParams().networks)
  await updateInstance(cloud.world.db, uuid, { networkInfo: [...vifs, vifWith('10.0.0.3')] }, { now: 1 })
  cloud.computes.h1?.guests.add(uuid)
  return uuid
}
