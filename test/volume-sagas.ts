/** The volumes of servers, as sagas find and leave them: for the free tests of every saga. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { OperationParams } from '#contracts/operations.ts'
import { insertBlockDevices, listBlockDevices, type NewBlockDevice } from '#db/block-devices.ts'
import { getInstance } from '#db/instances.ts'
import type { Instance } from '#model/instance/index.ts'
import { buildParams, type SmallCloud } from './small-cloud.ts'

export const volumeDevice = (
  instanceUuid: string,
  volumeId: string,
  changes: Partial<NewBlockDevice> = {},
): NewBlockDevice => ({
  uuid: randomUUID(),
  instanceUuid,
  volumeId,
  sourceType: 'volume',
  destinationType: 'volume',
  imageId: null,
  snapshotId: null,
  deviceName: '/dev/vdb',
  bootIndex: null,
  volumeSizeGb: 1,
  guestFormat: null,
  diskBus: null,
  deviceType: null,
  deleteOnTermination: false,
  attachmentId: null,
  volumeType: null,
  tag: null,
  ...changes,
})

/** A volume reserved for the instance, with its block device; `attached`: as an attach left it. */
export async function giveVolume(
  { volumes, world }: SmallCloud,
  instanceUuid: string,
  { attached, deleteOnTermination = false }: { attached: boolean; deleteOnTermination?: boolean },
): Promise<NewBlockDevice> {
  const { id } = volumes.add()
  const { id: attachmentId } = await volumes.reserve(id, instanceUuid)
  if (attached) {
    await volumes.connect(attachmentId)
    await volumes.complete(attachmentId)
  }
  const device = volumeDevice(instanceUuid, id, { attachmentId, deleteOnTermination })
  await insertBlockDevices(world.db, [device], { now: 1 })
  return device
}

/** A volume of an instance as it is now: attached on its host, or kept for it when it is on none. */
export async function giveVolumeThere(cloud: SmallCloud, instanceUuid: string): Promise<void> {
  const { host } = await getInstance(cloud.world.db, instanceUuid)
  const { attachmentId } = await giveVolume(cloud, instanceUuid, { attached: false })
  if (host === null || attachmentId === null) return
  await cloud.volumes.connect(attachmentId, { host })
  await cloud.volumes.complete(attachmentId)
}

/** Each volume has the one attachment that its block device names: on the server's host, or kept for it only. */
export async function assertVolumesFollow({ volumes, world, computes }: SmallCloud, instance: Instance) {
  const { uuid, host, vmState } = instance
  const devices = (await listBlockDevices(world.db, [uuid])).get(uuid) ?? []
  const named = devices.map(({ attachmentId }) => attachmentId)
  assert.deepEqual(
    [...volumes.attachments.keys()],
    named,
    'the attachments that block devices name, and no other',
  )
  const places = named.map((id) => volumes.hosts.get(id ?? '') ?? null)
  const runs = vmState === 'active' || vmState === 'resized'
  if (host === null || runs)
    assert.deepEqual(
      places,
      named.map(() => host),
    )
  if (vmState !== 'error') assert.ok(places.every((place) => place === null || place === host))
  for (const { args } of Object.values(computes).flatMap(({ did }) =>
    did.filter(({ kind }) => kind === 'build'),
  )) {
    const told = args['volumes'] as { volumeId: string; connection: object | null }[] | undefined
    assert.deepEqual(
      told?.map(({ volumeId }) => volumeId),
      devices.map(({ volumeId }) => volumeId),
    )
    assert.ok(told?.every(({ connection }) => connection !== null))
  }
}

/** What the API did before each of these sagas; gives its parameters. */
export const VOLUME_PREPARATIONS = {
  'attach-volume': async (cloud: SmallCloud, uuid: string): Promise<OperationParams<'attach-volume'>> => ({
    blockDeviceUuid: (await giveVolume(cloud, uuid, { attached: false })).uuid,
  }),
  'detach-volume': async (cloud: SmallCloud, uuid: string): Promise<OperationParams<'detach-volume'>> => {
    const device = await giveVolume(cloud, uuid, { attached: true })
    await cloud.volumes.beginDetaching(device.volumeId ?? '')
    return { blockDeviceUuid: device.uuid }
  },
  'swap-volume': async (cloud: SmallCloud, uuid: string): Promise<OperationParams<'swap-volume'>> => {
    const device = await giveVolume(cloud, uuid, { attached: true })
    await cloud.volumes.beginDetaching(device.volumeId ?? '')
    const { id: volumeId } = cloud.volumes.add({ name: 'new' })
    const { id: attachmentId } = await cloud.volumes.reserve(volumeId, uuid)
    return { blockDeviceUuid: device.uuid, volumeId, attachmentId }
  },
  /** One that is there and reserved, and one that is to be made. */
  'build-server-with-volumes': async (
    cloud: SmallCloud,
    uuid: string,
  ): Promise<OperationParams<'build-server-with-volumes'>> => {
    await giveVolume(cloud, uuid, { attached: false })
    const imageId = randomUUID()
    const wish = { sourceType: 'image', imageId, volumeId: null, deviceName: null } as const
    await insertBlockDevices(cloud.world.db, [{ ...volumeDevice(uuid, ''), ...wish }], { now: 1 })
    return { ...buildParams(), token: 'token' }
  },
  /** What has to go with the server. */
  'delete-server': async (cloud: SmallCloud, uuid: string): Promise<object> => {
    await giveVolume(cloud, uuid, { attached: true, deleteOnTermination: true })
    return {}
  },
} as const

/** `expected`: statuses by the volumes' names, one of the given. Answers which. */
export function assertVolumes<S extends Readonly<Record<string, string>>>(
  cloud: SmallCloud,
  ...expected: readonly [S, ...S[]]
): S {
  const found = Object.fromEntries(
    [...cloud.volumes.volumes.values()].map(({ name, status }) => [name ?? 'old', status]),
  )
  const matching = expected.find((each) => isDeepStrictEqual(found, each)) ?? expected[0]
  assert.deepEqual(found, matching)
  const used = Object.values(matching).filter((status) => status !== 'available').length
  assert.equal(cloud.volumes.attachments.size, used, 'no attachment is left over')
  return matching
}

const guestsOf = ({ computes }: SmallCloud) => Object.values(computes).flatMap(({ guests }) => [...guests])

export const BUILD_WITH_VOLUMES = {
  saga: 'build-server-with-volumes',
  taskState: 'scheduling',
  params: {},
  on: 'nowhere',
  done: (cloud: SmallCloud, instance: Instance | undefined) => {
    assert.deepEqual([instance?.vmState, instance?.taskState], ['active', null])
    assertVolumes<Readonly<Record<string, string>>>(cloud, { old: 'in-use', '': 'in-use' })
    const [told] = cloud.computes['h1']?.did ?? []
    const volumes = told?.args['volumes'] as { deviceName: string; connection: object | null }[]
    assert.deepEqual(
      volumes.map(({ deviceName }) => deviceName),
      ['/dev/vdb', '/dev/vdc'],
    )
    assert.ok(volumes.every(({ connection }) => connection !== null))
  },
  failed: (cloud: SmallCloud, instance: Instance) => {
    assert.deepEqual([instance.vmState, instance.taskState, instance.host], ['error', null, null])
    assert.deepEqual(guestsOf(cloud), [])
    assertVolumes<Readonly<Record<string, string>>>(
      cloud,
      { old: 'available' },
      { old: 'available', '': 'available' },
    )
  },
} as const

/** What the instance's block devices name: the volumes' names. */
export async function volumesOf(cloud: SmallCloud, uuid: string): Promise<string[]> {
  const devices = (await listBlockDevices(cloud.world.db, [uuid])).get(uuid) ?? []
  return devices.map(({ volumeId }) => cloud.volumes.volumes.get(volumeId ?? '')?.name ?? 'old')
}

/** Saga, the volumes when it ended well, and those there may be when it failed: before and after the point of no return. */
const SWAPPED = { old: 'available', new: 'in-use' } as const
export const VOLUME_CASES = [
  ['attach-volume', { old: 'in-use' }, [{ old: 'available' }]],
  ['detach-volume', { old: 'available' }, [{ old: 'in-use' }, { old: 'available' }]],
  ['swap-volume', SWAPPED, [{ old: 'in-use', new: 'available' }, SWAPPED]],
] as const
