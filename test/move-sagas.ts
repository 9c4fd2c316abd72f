/** Servers that are imaged, shelved and moved, as sagas find and leave them: for the free tests of every saga. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { insertMigration, listMigrations } from '#db/instance-migrations.ts'
import { updateInstance } from '#db/instances.ts'
import { type Instance, type MigrationStatus, POWER_STATES, type TaskState } from '#model/instance/index.ts'
import { imageOf } from './contract/virt-driver.ts'
import { buildParams, type SmallCloud } from './small-cloud.ts'
import { assertVolumesFollow, giveVolumeThere } from './volume-sagas.ts'

type Changes = Parameters<typeof updateInstance>[2]

const IMAGE_ID = '11111111-0000-4000-8000-000000000001'
const IMAGE = { ...imageOf(Buffer.alloc(0)), id: IMAGE_ID }

const change = (cloud: SmallCloud, uuid: string, changes: Changes) =>
  updateInstance(cloud.world.db, uuid, changes, { now: 1 })

const specAwayFrom = (...ignoreHosts: string[]) => ({ ...buildParams().spec, ignoreHosts })

async function migrationOf(
  cloud: SmallCloud,
  instanceUuid: string,
  migrationType: 'resize' | 'live-migration' | 'evacuation',
  status: MigrationStatus,
  destCompute: string | null = null,
): Promise<string> {
  const uuid = randomUUID()
  const from = { sourceCompute: 'h1', sourceNode: 'h1.example' }
  const who = { userId: 'ada', projectId: 'project' }
  await insertMigration(
    cloud.world.db,
    { uuid, instanceUuid, migrationType, status, destCompute, ...from, ...who },
    { now: 1 },
  )
  return uuid
}

/** A server as a resize left it: on h2, and on h1 still. */
async function resized(cloud: SmallCloud, uuid: string, status: MigrationStatus): Promise<string> {
  const migrationUuid = await migrationOf(cloud, uuid, 'resize', status, 'h2')
  const notes = { systemMetadata: { old_vm_state: 'active' } }
  await change(cloud, uuid, { host: 'h2', node: 'h2.example', vmState: 'resized', ...notes })
  cloud.placement.allocations.set(migrationUuid, { 'rp-h1': { resources: { VCPU: 1 } } })
  cloud.placement.allocations.set(uuid, { 'rp-h2': { resources: { VCPU: 1 } } })
  cloud.computes.h2?.guests.add(uuid)
  const ports = cloud.networks.all().map(({ id, networkId }) => ({ portId: id, networkId }))
  const rest = { fixedIp: null, securityGroupIds: [], tag: null }
  await cloud.networks.allocate(
    { instanceUuid: uuid, host: 'h2' },
    ports.map((port) => ({ ...port, ...rest })),
  )
  return migrationUuid
}

async function resizedHere(cloud: SmallCloud, uuid: string, status: MigrationStatus): Promise<string> {
  const migrationUuid = await migrationOf(cloud, uuid, 'resize', status, 'h1')
  await change(cloud, uuid, { vmState: 'resized', systemMetadata: { old_vm_state: 'active' } })
  cloud.placement.allocations.set(migrationUuid, { 'rp-h1': { resources: { VCPU: 1 } } })
  return migrationUuid
}

async function shelved(cloud: SmallCloud, uuid: string, offloaded: boolean): Promise<void> {
  cloud.images.ids.add(IMAGE_ID)
  const systemMetadata = { shelved_image_id: IMAGE_ID, shelved_at: 'then', keep: 'me' }
  await change(cloud, uuid, { vmState: 'shelved', powerState: 4, systemMetadata })
  if (!offloaded) return
  await change(cloud, uuid, { vmState: 'shelved_offloaded', host: null, node: null })
  cloud.placement.allocations.delete(uuid)
  cloud.computes.h1?.guests.delete(uuid)
}

const snapshotOf = async (cloud: SmallCloud) => {
  cloud.images.ids.add(IMAGE_ID)
  return { imageId: IMAGE_ID }
}

/** What the API did before each of these sagas; gives its parameters. */
const MOVE_PREPARATIONS = {
  'snapshot-server': snapshotOf,
  'backup-server': async (cloud: SmallCloud) => ({
    ...(await snapshotOf(cloud)),
    backupType: 'daily',
    rotation: 1,
  }),
  'rebuild-server': async () => ({ image: IMAGE, stopAfter: false }),
  'shelve-server': snapshotOf,
  'shelve-and-offload-server': snapshotOf,
  'offload-server': async (cloud: SmallCloud, uuid: string) => (await shelved(cloud, uuid, false), {}),
  'unshelve-server': async (cloud: SmallCloud, uuid: string) => {
    await shelved(cloud, uuid, false)
    return { imageId: IMAGE_ID }
  },
  'unshelve-offloaded-server': async (cloud: SmallCloud, uuid: string) => {
    await shelved(cloud, uuid, true)
    return { image: IMAGE, spec: specAwayFrom() }
  },
  'resize-server': async (cloud: SmallCloud, uuid: string) => ({
    migrationUuid: await migrationOf(cloud, uuid, 'resize', 'pre-migrating'),
    spec: specAwayFrom('h1'),
  }),
  'confirm-resize': async (cloud: SmallCloud, uuid: string) => ({
    migrationUuid: await resized(cloud, uuid, 'confirming'),
  }),
  'revert-resize': async (cloud: SmallCloud, uuid: string) => ({
    migrationUuid: await resized(cloud, uuid, 'reverting'),
  }),
  'live-migrate-server': async (cloud: SmallCloud, uuid: string) => ({
    migrationUuid: await migrationOf(cloud, uuid, 'live-migration', 'accepted'),
    spec: specAwayFrom('h1'),
  }),
  'evacuate-server': async (cloud: SmallCloud, uuid: string) => ({
    migrationUuid: await migrationOf(cloud, uuid, 'evacuation', 'accepted'),
    spec: specAwayFrom('h1'),
    image: IMAGE,
    stopAfter: false,
  }),
} as const

/** The same, of a resize that stays on its host. */
const RESIZE_HERE_PREPARATIONS = {
  'resize-server': async (cloud: SmallCloud, uuid: string) => ({
    migrationUuid: await migrationOf(cloud, uuid, 'resize', 'pre-migrating'),
    spec: specAwayFrom(),
  }),
  'confirm-resize': async (cloud: SmallCloud, uuid: string) => ({
    migrationUuid: await resizedHere(cloud, uuid, 'confirming'),
  }),
  'revert-resize': async (cloud: SmallCloud, uuid: string) => ({
    migrationUuid: await resizedHere(cloud, uuid, 'reverting'),
  }),
} as const

type MoveSaga = keyof typeof MOVE_PREPARATIONS

/** Where an instance's guest, its resources, its ports and its migration are. */
interface Place {
  readonly states: readonly unknown[]
  readonly host: string | null
  readonly guests: readonly string[]
  /** Providers held by the instance, and by its migration. */
  readonly holds: readonly [own: string | null, migration: string | null]
  readonly migration?: MigrationStatus
  readonly images?: number
}

async function placeOf(cloud: SmallCloud, instance: Instance): Promise<Place> {
  const { uuid, vmState, taskState, powerState, host } = instance
  const [move] = await listMigrations(cloud.world.db, { instanceUuid: uuid })
  const heldBy = (consumer: string | undefined) =>
    Object.keys(cloud.placement.allocations.get(consumer ?? '') ?? {})[0]?.slice('rp-'.length) ?? null
  return {
    states: [vmState, taskState, powerState],
    host,
    guests: ['h1', 'h2'].filter((name) => cloud.computes[name]?.guests.has(uuid)),
    holds: [heldBy(uuid), heldBy(move?.uuid)],
    ...(move && { migration: move.status }),
    ...(cloud.images.ids.size > 0 && { images: cloud.images.ids.size }),
  }
}

const { running, shutdown } = POWER_STATES
const ACTIVE = ['active', null, running] as const
const here = { states: ACTIVE, host: 'h1', guests: ['h1'], holds: ['h1', null] } as const
const there = { states: ACTIVE, host: 'h2', guests: ['h2'], holds: ['h2', null] } as const
const nowhere = { host: null, guests: [], holds: [null, null] } as const

/** Saga, task state while it runs, where all is when it is done, and where it may be when it failed. */
const MOVE_CASES: readonly (readonly [MoveSaga, TaskState | null, Place, ...Place[]])[] = [
  ['snapshot-server', 'image_snapshot_pending', { ...here, images: 1 }, here],
  ['backup-server', 'image_backup', { ...here, images: 1 }, here, { ...here, images: 1 }],
  ['rebuild-server', 'rebuilding', here],
  ['shelve-server', 'shelving', { ...here, states: ['shelved', null, shutdown], images: 1 }, here],
  [
    'shelve-and-offload-server',
    'shelving',
    { ...nowhere, states: ['shelved_offloaded', null, shutdown], images: 1 },
    here,
    { ...here, states: ['shelved', null, shutdown], images: 1 },
    { ...here, guests: [], states: ['shelved', null, shutdown], images: 1 },
    { ...here, guests: [], holds: [null, null], states: ['shelved', null, shutdown], images: 1 },
  ],
  [
    'offload-server',
    'shelving_offloading',
    { ...nowhere, states: ['shelved_offloaded', null, shutdown], images: 1 },
    { ...here, states: ['shelved', null, shutdown], images: 1 },
    { ...here, guests: [], states: ['shelved', null, shutdown], images: 1 },
    { ...here, guests: [], holds: [null, null], states: ['shelved', null, shutdown], images: 1 },
  ],
  [
    'unshelve-server',
    'unshelving',
    here,
    here,
    { ...here, images: 1 },
    { ...here, states: ['shelved', null, shutdown], images: 1 },
  ],
  [
    'unshelve-offloaded-server',
    'unshelving',
    here,
    here,
    { ...here, images: 1 },
    { ...nowhere, states: ['shelved_offloaded', null, shutdown], images: 1 },
  ],
  [
    'resize-server',
    'resize_prep',
    {
      states: ['resized', null, running],
      host: 'h2',
      guests: ['h1', 'h2'],
      holds: ['h2', 'h1'],
      migration: 'finished',
    },
    { ...here, migration: 'error' },
  ],
  [
    'confirm-resize',
    null,
    { ...there, migration: 'confirmed' },
    {
      states: ['resized', null, running],
      host: 'h2',
      guests: ['h1', 'h2'],
      holds: ['h2', 'h1'],
      migration: 'finished',
    },
    {
      states: ['resized', null, running],
      host: 'h2',
      guests: ['h2'],
      holds: ['h2', 'h1'],
      migration: 'finished',
    },
    {
      states: ['resized', null, running],
      host: 'h2',
      guests: ['h2'],
      holds: ['h2', null],
      migration: 'finished',
    },
  ],
  ['revert-resize', 'resize_reverting', { ...here, migration: 'reverted' }],
  [
    'live-migrate-server',
    'migrating',
    { ...there, migration: 'completed' },
    { ...here, migration: 'error' },
    { ...there, migration: 'completed' },
    { ...there, guests: ['h1', 'h2'], migration: 'completed' },
  ],
  [
    'evacuate-server',
    'rebuilding',
    { ...there, guests: ['h1', 'h2'], holds: ['h2', 'h1'], migration: 'done' },
    { ...here, states: ['error', null, running], migration: 'error' },
  ],
]

const resizedStill = { ...here, states: ['resized', null, running] } as const

/** The same, of a resize that stays on its host. */
const RESIZE_HERE_CASES: readonly (readonly [
  keyof typeof RESIZE_HERE_PREPARATIONS,
  TaskState | null,
  Place,
  ...Place[],
])[] = [
  [
    'resize-server',
    'resize_prep',
    { ...resizedStill, holds: ['h1', 'h1'], migration: 'finished' },
    { ...here, migration: 'error' },
  ],
  [
    'confirm-resize',
    null,
    { ...here, migration: 'confirmed' },
    { ...resizedStill, holds: ['h1', 'h1'], migration: 'finished' },
    { ...resizedStill, migration: 'finished' },
  ],
  ['revert-resize', 'resize_reverting', { ...here, migration: 'reverted' }],
]

/** What the API did before a saga; gives its parameters. */
export type Prepare = (cloud: SmallCloud, uuid: string) => Promise<object>

/** What a case is tried with, where that is not its saga's own. */
interface MoveCase {
  readonly one: (typeof MOVE_CASES)[number]
  readonly where?: string
  readonly prepare: Prepare
}

/** Every server that moves has a volume. */
const withVolume =
  (prepare: Prepare): Prepare =>
  async (cloud, uuid) => {
    const params = await prepare(cloud, uuid)
    await giveVolumeThere(cloud, uuid)
    return params
  }

export const ALL_MOVE_CASES: readonly MoveCase[] = [
  ...MOVE_CASES.map((one) => ({ one, prepare: withVolume(MOVE_PREPARATIONS[one[0]]) })),
  ...RESIZE_HERE_CASES.map((one) => ({
    one,
    where: ' on its host',
    prepare: withVolume(RESIZE_HERE_PREPARATIONS[one[0]]),
  })),
]

export async function assertPlace(
  cloud: SmallCloud,
  instance: Instance,
  ...expected: readonly Place[]
): Promise<void> {
  const found = await placeOf(cloud, instance)
  const fits = expected.find((place) => JSON.stringify(sorted(place)) === JSON.stringify(sorted(found)))
  if (!fits) assert.deepEqual(found, expected[0])
  const bound = cloud.networks.all().filter((port) => port.deviceId === instance.uuid)
  if (instance.host !== null)
    for (const port of bound) assert.equal(port.host, instance.host, 'ports are bound where the server is')
  if (found.migration === 'error') assertOnlyOwnRemoved(cloud)
  await assertVolumesFollow(cloud, instance)
}

/** Of a move that nothing undoes: the server is in error, and its volumes are its own still. */
export async function assertFailedMove(
  cloud: SmallCloud,
  instance: Instance,
  places: readonly Place[],
): Promise<void> {
  if (places.length > 0) return assertPlace(cloud, instance, ...places)
  assert.deepEqual([instance.vmState, instance.taskState], ['error', null])
  await assertVolumesFollow(cloud, instance)
}

/** What undoes a move removes what the move made, whatever else of the server is on that host. */
function assertOnlyOwnRemoved(cloud: SmallCloud): void {
  const did = Object.values(cloud.computes).flatMap((compute) => compute.did)
  const makers = new Set(did.filter(({ kind }) => kind === 'build').map(({ args }) => args['madeBy']))
  for (const { args } of did.filter(({ kind }) => kind === 'destroy')) {
    assert.equal(typeof args['onlyMadeBy'], 'string')
    assert.ok(makers.size === 0 || makers.has(args['onlyMadeBy']))
  }
}

const sorted = (place: Place) => Object.entries(place).sort(([a], [b]) => (a < b ? -1 : 1))
