/** Instances on every database: what goes in comes out, and of two who swap, one wins. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import {
  countInstances,
  findInstance,
  getInstance,
  insertInstances,
  listInstances,
  modifyInstance,
  type NewInstance,
  removeInstance,
  updateInstance,
} from '#db/instances.ts'
import { listUnplaced } from '#db/instance-usage.ts'
import { isFault } from '#lib/fault.ts'
import { openStores } from './db.ts'
import { NANO, newInstance, vifWith } from './fixtures.ts'

const stores = await openStores()

/** Every field with a value that differs from the empty one. */
const FULL: NewInstance = {
  ...newInstance(),
  displayDescription: 'it\'s 100 % \\ "quoted"\n',
  taskState: 'scheduling',
  powerState: 4,
  progress: 50,
  host: 'h1',
  node: 'n1',
  launchedOn: 'h0',
  availabilityZone: 'nova',
  kernelId: 'k',
  ramdiskId: 'r',
  keyName: 'key',
  keyData: 'ssh-ed25519 AAAA',
  userData: Buffer.from('#!/bin/sh\n').toString('base64'),
  configDrive: true,
  accessIpV4: '1.2.3.4',
  accessIpV6: 'fe80::1',
  launchIndex: 3,
  metadata: { a: 'b', 'clé 🔑': '' },
  systemMetadata: { image_os_type: 'linux' },
  tags: ['blue', 'red'],
  trustedCerts: ['cert'],
  locked: true,
  lockedBy: 'admin',
  lockedReason: 'because',
  rootDeviceName: '/dev/vda',
  autoDiskConfig: true,
  securityGroups: ['default'],
  networkInfo: [vifWith('10.0.0.5'), vifWith('fd00::5', 6)],
  launchedAt: 1_900_000_000_123,
  terminatedAt: 1_900_000_000_456,
}

for (const { name, db } of stores) {
  test(`${name}: an instance is read as it was stored`, async () => {
    const full = { ...FULL, uuid: randomUUID(), projectId: randomUUID() }
    const [stored] = await insertInstances(db, [full], { now: 5 })
    assert.ok(stored)
    const given = { id: stored.id, createdAt: 5, updatedAt: null, deletedAt: null, deleted: false }
    assert.deepEqual(stored, { ...full, ...given })
    assert.deepEqual(await getInstance(db, full.uuid), stored)
    assert.deepEqual(await listInstances(db, { projectId: full.projectId }), [stored])
  })

  test(`${name}: every field can be changed, and the rest stays`, async () => {
    const [before] = await insertInstances(db, [newInstance()], { now: 5 })
    assert.ok(before)
    const { uuid: _, projectId: __, userId: ___, reservationId: ____, launchIndex: _____, ...changes } = FULL
    const after = await updateInstance(db, before.uuid, changes, { now: 9 })
    assert.deepEqual(after, { ...before, ...changes, updatedAt: 9 })
    assert.deepEqual(await getInstance(db, before.uuid), after)
  })

  test(`${name}: a thousand instances are stored in the order given`, async () => {
    const projectId = randomUUID()
    const news = Array.from({ length: 1200 }, (_, i) =>
      newInstance({ projectId, launchIndex: i, tags: ['t'] }),
    )
    const stored = await insertInstances(db, news, { now: 1 })
    assert.deepEqual(
      stored.map((instance) => instance.uuid),
      news.map((instance) => instance.uuid),
    )
    assert.deepEqual(await countInstances(db, { projectId }), {
      instances: 1200,
      cores: 2400,
      ramMb: 153_600,
    })
  })

  test(`${name}: a uuid in use stores none of the new ones`, async () => {
    const taken = newInstance()
    await insertInstances(db, [taken], { now: 1 })
    const projectId = randomUUID()
    const twins = [newInstance({ projectId }), { ...taken, projectId }]
    await assert.rejects(insertInstances(db, twins, { now: 1 }), (error) => isFault(error, 'conflict'))
    assert.deepEqual(await listInstances(db, { projectId }), [])
  })

  test(`${name}: of twenty who expect the same, exactly one changes the instance`, async () => {
    const [{ uuid } = newInstance()] = await insertInstances(db, [newInstance()], { now: 1 })
    const swaps = Array.from({ length: 20 }, (_, i) =>
      updateInstance(
        db,
        uuid,
        { taskState: 'powering-off', progress: i },
        { now: i, expect: { taskState: null } },
      ),
    )
    const winners = (await Promise.all(swaps)).filter((swapped) => swapped !== undefined)
    assert.equal(winners.length, 1)
    assert.deepEqual(await getInstance(db, uuid), winners[0])
  })

  test(`${name}: an update happens only as expected`, async () => {
    const asIs = { host: 'h1', vmState: 'active', taskState: 'spawning' } as const
    const [{ uuid } = newInstance()] = await insertInstances(db, [newInstance(asIs)], { now: 1 })
    const changes = { progress: 1 }
    const holds = async (expect: NonNullable<Parameters<typeof updateInstance>[3]['expect']>) =>
      (await updateInstance(db, uuid, changes, { now: 2, expect })) !== undefined
    assert.equal(await holds({}), true)
    assert.equal(await holds({ taskState: 'spawning', vmState: 'active', host: 'h1' }), true)
    assert.equal(await holds({ taskState: [null, 'spawning'], vmState: ['error', 'active'] }), true)
    assert.equal(await holds({ taskState: null }), false)
    assert.equal(await holds({ taskState: ['deleting', null] }), false)
    assert.equal(await holds({ taskState: [] }), false)
    assert.equal(await holds({ vmState: 'stopped' }), false)
    assert.equal(await holds({ host: null }), false)
    assert.equal(await holds({ taskState: 'spawning', host: 'h2' }), false)
  })

  test(`${name}: changes that build on one another are never lost`, async () => {
    const [{ uuid } = newInstance()] = await insertInstances(db, [newInstance()], { now: 1 })
    const keys = Array.from({ length: 15 }, (_, i) => `k${i}`)
    await Promise.all(
      keys.map((key) =>
        modifyInstance(db, uuid, { now: 2 }, ({ metadata }) => ({ metadata: { ...metadata, [key]: '1' } })),
      ),
    )
    assert.deepEqual(Object.keys((await getInstance(db, uuid)).metadata).sort(), keys.sort())
    const found = await listInstances(db, {
      uuids: [uuid],
      metadata: Object.fromEntries(keys.map((key) => [key, '1'])),
    })
    assert.equal(found.length, 1)
  })

  test(`${name}: a deleted instance is out of sight, and in lists of what is deleted`, async () => {
    const projectId = randomUUID()
    const [{ uuid } = newInstance()] = await insertInstances(
      db,
      [newInstance({ projectId, taskState: 'deleting' })],
      { now: 1 },
    )
    const removed = await removeInstance(db, uuid, { now: 7 })
    assert.deepEqual(
      [removed?.vmState, removed?.taskState, removed?.deleted, removed?.deletedAt, removed?.terminatedAt],
      ['deleted', null, true, 7, 7],
    )
    assert.equal(await removeInstance(db, uuid, { now: 8 }), undefined)
    assert.equal(await updateInstance(db, uuid, { progress: 1 }, { now: 8 }), undefined)
    assert.equal(await findInstance(db, uuid), undefined)
    await assert.rejects(getInstance(db, uuid), {
      kind: 'notFound',
      message: `Instance ${uuid} could not be found.`,
    })
    assert.deepEqual(await getInstance(db, uuid, { deleted: 'include' }), removed)
    assert.deepEqual(await listInstances(db, { projectId }), [])
    assert.deepEqual(await listInstances(db, { projectId, deleted: true }), [removed])
    assert.deepEqual(await listInstances(db, { projectId, deleted: 'any', changesSince: 7 }), [removed])
    assert.deepEqual(await listInstances(db, { projectId, deleted: 'any', changesSince: 8 }), [])
  })

  test(`${name}: what was promised and has no host yet is counted by what it will take`, async () => {
    const projectId = randomUUID()
    const waiting = { projectId, vmState: 'building', host: null } as const
    const news = [
      newInstance(waiting),
      newInstance(waiting),
      newInstance({ ...waiting, imageRef: '' }),
      newInstance({ ...waiting, systemMetadata: { boots_from_volume: 'yes' } }),
      newInstance({ projectId, vmState: 'error', host: null }),
    ]
    await insertInstances(db, news, { now: 1 })
    const found = await listUnplaced(db, projectId)
    assert.deepEqual(
      found
        .map(({ isVolumeBacked, count }) => [isVolumeBacked, count])
        .toSorted(([a], [b]) => Number(a) - Number(b)),
      [
        [false, 2],
        [true, 2],
      ],
    )
    assert.deepEqual(found[0]?.flavor, NANO)
  })

  test(`${name}: quotas count what a project and a user have, not what is deleted or soft-deleted`, async () => {
    const projectId = randomUUID()
    const big = { ...NANO, vcpus: 8, memoryMb: 4096 }
    const news = [
      newInstance({ projectId }),
      newInstance({ projectId, flavor: big, userId: 'bob' }),
      newInstance({ projectId, vmState: 'soft-delete' }),
      newInstance({ projectId }),
    ]
    await insertInstances(db, news, { now: 1 })
    await removeInstance(db, news[3]?.uuid ?? '', { now: 2 })
    assert.deepEqual(await countInstances(db, { projectId }), { instances: 2, cores: 10, ramMb: 4224 })
    assert.deepEqual(await countInstances(db, { projectId, userId: 'bob' }), {
      instances: 1,
      cores: 8,
      ramMb: 4096,
    })
    assert.deepEqual(await countInstances(db, { projectId: randomUUID() }), {
      instances: 0,
      cores: 0,
      ramMb: 0,
    })
  })
}
