/** Actions that make images of servers or take them elsewhere: what is there when the answer is, and what is refused. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { findInstanceAction } from '#db/instance-actions.ts'
import { insertMigration, listMigrations } from '#db/instance-migrations.ts'
import { getInstance } from '#db/instances.ts'
import { findOperation, listLiveOperations } from '#db/operations.ts'
import { reportService } from '#db/services.ts'
import type { TaskState, VmState } from '#model/instance/index.ts'
import { IMAGE_ID } from './compute-api.ts'
import { type Cloud, change, db, message, startCloud, there } from './servers-there.ts'

/** A cloud of the hosts h1 and h2, of which those that are up report, with the flavors 42 and 84. */
async function cloudOf(t: TestContext, up: readonly string[] = ['h1', 'h2']): Promise<Cloud> {
  const cloud = await startCloud(t)
  for (const host of ['h1', 'h2']) {
    const service = { uuid: randomUUID(), binary: 'nova-compute', host, topic: 'compute', version: 1 }
    await reportService(db(cloud), service, { now: up.includes(host) ? Date.now() : 0 })
  }
  const flavor = { name: 'm1.micro', id: '84', ram: 256, vcpus: 2, disk: 1 }
  await cloud.send('POST /flavors', { as: 'admin', body: { flavor } })
  return cloud
}

interface Asked {
  readonly as?: 'admin' | 'demo' | 'reader'
  readonly at?: string
}
const act = (cloud: Cloud, uuid: string, body: object, asked: Asked = {}) =>
  cloud.send(`POST /servers/${uuid}/action`, { at: '2.79', ...asked, body })

const ADMIN = { as: 'admin' } as const
type Row = readonly [object, VmState, TaskState | null, string, Asked?, string?, number?]

const BEGIN: readonly Row[] = [
  [{ createImage: { name: 'i' } }, 'active', 'image_snapshot_pending', 'snapshot-server'],
  [
    { createBackup: { name: 'b', backup_type: 'daily', rotation: 1 } },
    'paused',
    'image_backup',
    'backup-server',
    ADMIN,
  ],
  [{ rebuild: { imageRef: IMAGE_ID } }, 'error', 'rebuilding', 'rebuild-server'],
  [{ resize: { flavorRef: '84' } }, 'active', 'resize_prep', 'resize-server'],
  [{ migrate: null }, 'stopped', 'resize_prep', 'resize-server', ADMIN],
  [{ confirmResize: null }, 'resized', null, 'confirm-resize', {}, 'confirmResize', 204],
  [{ revertResize: null }, 'resized', 'resize_reverting', 'revert-resize'],
  [
    { 'os-migrateLive': { host: null, block_migration: 'auto' } },
    'active',
    'migrating',
    'live-migrate-server',
    ADMIN,
    'live-migration',
  ],
  [{ shelve: null }, 'suspended', 'shelving', 'shelve-and-offload-server'],
  [{ shelveOffload: null }, 'shelved', 'shelving_offloading', 'offload-server', ADMIN],
  [{ unshelve: null }, 'shelved', 'unshelving', 'unshelve-server'],
]

for (const [body, vmState, taskState, saga, asked, word, status = 202] of BEGIN) {
  const [name = ''] = Object.keys(body)
  test(`${name}: its task state, its operation and its action are there when the answer is`, async (t) => {
    const cloud = await cloudOf(t)
    const uuid = await there(cloud, { vmState })
    const { flavor } = await getInstance(db(cloud), uuid)
    const who = { instanceUuid: uuid, userId: 'u', projectId: 'p', oldFlavor: flavor, newFlavor: flavor }
    const where = { sourceCompute: 'h2', destCompute: 'h1' }
    if (vmState === 'resized') {
      const move = { uuid: randomUUID(), migrationType: 'resize', status: 'finished' } as const
      await insertMigration(db(cloud), { ...who, ...where, ...move }, { now: 1 })
    }
    const answer = await act(cloud, uuid, body, asked)
    assert.equal(answer.status, status, answer.text)
    const instance = await getInstance(db(cloud), uuid)
    assert.deepEqual([instance.vmState, instance.taskState], [vmState, taskState])
    const operations = await listLiveOperations(db(cloud), uuid)
    assert.deepEqual(
      operations.map((operation) => operation.saga),
      [saga],
    )
    const requestId = String(answer.headers['x-openstack-request-id'])
    const action = await findInstanceAction(db(cloud), { instanceUuid: uuid, requestId })
    assert.equal(action?.action, word ?? name)

    const images = cloud.there.images.length
    await db(cloud).deleteFrom('operations').execute()
    assert.equal((await act(cloud, uuid, body, { as: 'reader' })).status, 403)
    await change(cloud, uuid, { taskState: null, vmState: 'rescued' })
    const unready = await act(cloud, uuid, body, asked)
    const words = `Cannot '${name}' instance ${uuid} while it is in vm_state rescued`
    assert.deepEqual([unready.status, message(unready.body)], [409, words])
    assert.equal(cloud.there.images.length, images, 'what is refused leaves no image')
  })
}

test('an image that is made says what it is of, and where it is found is told as each version does', async (t) => {
  const cloud = await cloudOf(t)
  const uuid = await there(cloud)
  const body = { createImage: { name: 'snap', metadata: { mine: 'yes' } } }
  const old = await act(cloud, uuid, body, { at: '2.44' })
  const made = cloud.there.images.at(-1)
  assert.deepEqual([old.text, String(old.headers['location']).endsWith(`/images/${made?.id}`)], ['', true])
  const { image_type: type, instance_uuid: of, base_image_ref: base, mine } = made?.properties ?? {}
  assert.deepEqual([made?.name, type, of, base, mine], ['snap', 'snapshot', uuid, IMAGE_ID, 'yes'])
  assert.deepEqual(
    [made?.properties['boot_roles'], made?.visibility, made?.diskFormat],
    ['member,reader', 'private', null],
  )
  const [operation] = await listLiveOperations(db(cloud), uuid)
  assert.ok(await findOperation(db(cloud), operation?.id ?? ''))
  await change(cloud, uuid, { taskState: null })
  const newer = await act(cloud, uuid, body, { at: '2.45' })
  assert.deepEqual(newer.body, { image_id: cloud.there.images.at(-1)?.id })
  // An admin's is the owner's, too, and has the format of the disk when it is a backup.
  await change(cloud, uuid, { taskState: null })
  const backup = { createBackup: { name: 'b', backup_type: 'daily', rotation: 1 } }
  assert.equal((await act(cloud, uuid, backup, ADMIN)).status, 202)
  const admins = cloud.there.images.at(-1)
  assert.deepEqual(
    [admins?.visibility, admins?.properties['user_id'], admins?.diskFormat],
    ['shared', 'admin-user', 'qcow2'],
  )
})

test('a rebuild changes what is sent and keeps the rest, and shows the server as it is to be', async (t) => {
  const cloud = await cloudOf(t)
  const uuid = await there(cloud, { userData: 'AAAA', metadata: { a: '1' }, keyName: 'k' })
  const none = '11111111-2222-3333-4444-555555555555'
  const refusals: readonly (readonly [object, string])[] = [
    [{ imageRef: none }, 'Cannot find image for rebuild'],
    [{ imageRef: IMAGE_ID, key_name: 'nope' }, 'Invalid key_name provided.'],
  ]
  for (const [rebuild, words] of refusals) {
    const refused = await act(cloud, uuid, { rebuild })
    assert.deepEqual([refused.status, message(refused.body)], [400, words])
  }
  const sent = { imageRef: IMAGE_ID, name: 'new', metadata: { b: '2' }, key_name: null, adminPass: 'secret' }
  const answer = await act(cloud, uuid, { rebuild: sent })
  const shown = answer.body.server as Record<string, unknown>
  assert.deepEqual(
    [
      shown['status'],
      shown['name'],
      shown['metadata'],
      shown['key_name'],
      shown['user_data'],
      shown['adminPass'],
    ],
    ['REBUILD', 'new', { b: '2' }, null, 'AAAA', 'secret'],
  )
  const { displayName, systemMetadata } = await getInstance(db(cloud), uuid)
  assert.deepEqual([displayName, systemMetadata['image_base_image_ref']], ['new', IMAGE_ID])
})

test('a resize is refused in Nova’s words, and recorded as a move', async (t) => {
  const cloud = await cloudOf(t)
  const uuid = await there(cloud)
  const disabled = { name: 'big', id: 'big', ram: 99_999, vcpus: 99, disk: 1 }
  await cloud.send('POST /flavors', { as: 'admin', body: { flavor: disabled } })
  const refusals: readonly (readonly [string, number, RegExp])[] = [
    ['42', 400, /^When resizing, instances must change flavor!$/],
    ['nope', 400, /^Flavor nope could not be found\.$/],
    ['big', 403, /^Quota exceeded for cores, ram: Requested 98, 99871, but already used 1, 128 of 20, 51200/],
  ]
  for (const [flavorRef, status, words] of refusals) {
    const refused = await act(cloud, uuid, { resize: { flavorRef } })
    assert.equal(refused.status, status)
    assert.match(message(refused.body), words)
  }
  assert.deepEqual(
    await listMigrations(db(cloud), { instanceUuid: uuid }),
    [],
    'nothing stays of what is refused',
  )
  await act(cloud, uuid, { resize: { flavorRef: 84 } })
  const [move] = await listMigrations(db(cloud), { instanceUuid: uuid })
  assert.deepEqual(
    [
      move?.migrationType,
      move?.status,
      move?.sourceCompute,
      move?.oldFlavor?.flavorId,
      move?.newFlavor?.flavorId,
    ],
    ['resize', 'pre-migrating', 'h1', '42', '84'],
  )
  const never = await there(cloud, { vmState: 'resized' })
  const unfinished = await act(cloud, never, { confirmResize: null })
  assert.deepEqual([unfinished.status, message(unfinished.body)], [400, 'Instance has not been resized.'])
})

test('moves are refused to and from hosts that are none, the same, down or up', async (t) => {
  const cloud = await cloudOf(t, ['h2'])
  const uuid = await there(cloud)
  const live = (host: string | null) => ({ 'os-migrateLive': { host, block_migration: 'auto' } })
  const rows: readonly (readonly [object, number, RegExp])[] = [
    [{ migrate: null }, 409, /^Service is unavailable at this time\.$/],
    [{ resize: { flavorRef: '84' } }, 409, /^Service is unavailable at this time\.$/],
    [live('nope'), 400, /^Compute host nope could not be found\.$/],
    [live('h1'), 400, /^Unable to migrate instance .* to current host \(h1\)\.$/],
    [live(null), 400, /^Compute service of h1 is unavailable at this time\.$/],
    [{ evacuate: { host: 'nope' } }, 404, /^Compute host nope not found\.$/],
    [{ evacuate: { host: 'h1' } }, 400, /^The target host can't be the same one\.$/],
  ]
  for (const [body, status, words] of rows) {
    const refused = await act(cloud, uuid, body, ADMIN)
    assert.equal(refused.status, status, refused.text)
    assert.match(message(refused.body), words)
  }
  const evacuated = await act(cloud, uuid, { evacuate: { onSharedStorage: false } }, { ...ADMIN, at: '2.13' })
  assert.equal(evacuated.status, 200)
  assert.equal(typeof evacuated.body['adminPass'], 'string')
  const [move] = await listMigrations(db(cloud), { instanceUuid: uuid })
  assert.deepEqual([move?.migrationType, move?.status], ['evacuation', 'accepted'])
  await change(cloud, uuid, { taskState: null, host: 'h2' })
  const up = await act(cloud, uuid, { evacuate: {} }, ADMIN)
  assert.deepEqual([up.status, message(up.body)], [400, 'Compute service of h2 is still in use.'])
  const same = await act(cloud, uuid, { migrate: { host: 'h2' } }, ADMIN)
  assert.match(message(same.body), /^Cannot migrate to the host where the server exists\.$/)
})

test('a shelved server that is on no host may be told where to come back, by those who may', async (t) => {
  const cloud = await cloudOf(t)
  const shelved = await there(cloud, { vmState: 'shelved' })
  const early = await act(cloud, shelved, { unshelve: { availability_zone: 'nova' } }, { at: '2.77' })
  assert.equal(early.status, 409)
  assert.match(message(early.body), /^Specifying an availability zone or a host when unshelving/)
  const notes = { systemMetadata: { shelved_image_id: IMAGE_ID } }
  const uuid = await there(cloud, { vmState: 'shelved_offloaded', host: null, node: null, ...notes })
  const to = (unshelve: object, asked: Asked = {}) => act(cloud, uuid, { unshelve }, { at: '2.91', ...asked })
  const zone = await to({ availability_zone: 'nowhere' })
  assert.match(message(zone.body), /^The requested availability zone is not available$/)
  assert.equal((await to({ host: 'h1' })).status, 403)
  assert.equal((await to({ host: 'nope' }, ADMIN)).status, 400)
  assert.equal((await to({ host: 'h1', availability_zone: 'nova' }, ADMIN)).status, 202)
  const [operation] = await listLiveOperations(db(cloud), uuid)
  assert.equal(operation?.saga, 'unshelve-offloaded-server')
  assert.equal((await getInstance(db(cloud), uuid)).systemMetadata['pinned_availability_zone'], 'nova')
})
