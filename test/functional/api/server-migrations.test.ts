/** A server's live migrations under way: who sees them, and when they can be given up or told to hurry; and its shares. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { computeContract, computeTopic } from '#contracts/compute.ts'
import { type HandlersOf, serveContract } from '#contracts/contract.ts'
import { insertMigration, updateMigration } from '#db/instance-migrations.ts'
import { getInstance, updateInstance } from '#db/instances.ts'
import { insertOperation, listLiveOperations } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { activate, message, startCloud } from './servers-there.ts'

const ADMIN = { as: 'admin' } as const

async function migrating(cloud: Awaited<ReturnType<typeof startCloud>>) {
  const db = cloud.db.typed<NovaDb>()
  const instanceUuid = await cloud.make()
  await db.deleteFrom('operations').execute()
  await activate(cloud, instanceUuid)
  await updateInstance(db, instanceUuid, { taskState: 'migrating' }, { now: 1 })
  const uuid = randomUUID()
  const who = { userId: 'u', projectId: 'p', sourceCompute: 'h1', destCompute: 'h2' }
  const type = { migrationType: 'live-migration', status: 'preparing' } as const
  const migration = await insertMigration(db, { uuid, instanceUuid, ...who, ...type }, { now: 1 })
  return { db, instanceUuid, migration, at: `/servers/${instanceUuid}/migrations` }
}

test('a live migration is shown while it is under way, to admins, in the form of each version', async (t) => {
  const cloud = await startCloud(t)
  const { db, migration, at } = await migrating(cloud)
  assert.equal((await cloud.send(`GET ${at}`, { at: '2.23' })).status, 403)
  const { body } = await cloud.send(`GET ${at}`, { ...ADMIN, at: '2.58' })
  const [shown] = body.migrations as Record<string, unknown>[]
  assert.deepEqual(
    [shown?.['id'], shown?.['status'], 'uuid' in (shown ?? {})],
    [migration.id, 'preparing', false],
  )
  const one = await cloud.send(`GET ${at}/${migration.id}`, { ...ADMIN, at: '2.80' })
  const alone = one.body.migration as Record<string, unknown>
  assert.deepEqual([alone['uuid'], alone['user_id'], alone['dest_compute']], [migration.uuid, 'u', 'h2'])
  await updateMigration(db, migration.uuid, { status: 'completed' }, { now: 2 })
  assert.deepEqual((await cloud.send(`GET ${at}`, { ...ADMIN, at: '2.80' })).body, { migrations: [] })
  for (const id of [migration.id, 'x', 99]) {
    const gone = await cloud.send(`GET ${at}/${id}`, { ...ADMIN, at: '2.80' })
    assert.equal(gone.status, 404)
  }
})

test('a live migration can be given up, and before 2.65 only when it runs', async (t) => {
  const cloud = await startCloud(t)
  const { db, instanceUuid, migration, at } = await migrating(cloud)
  const context = { requestId: 'req-1', userId: 'u', projectId: 'p', roles: [] }
  const params = { migrationUuid: migration.uuid, spec: {} as never }
  await insertOperation(
    db,
    { id: randomUUID(), saga: 'live-migrate-server', instanceUuid, context, params },
    { now: 1 },
  )
  const old = await cloud.send(`DELETE ${at}/${migration.id}`, { ...ADMIN, at: '2.64' })
  assert.equal(old.status, 400)
  assert.match(message(old.body), /is preparing\. Cannot abort live migration while/)
  assert.equal((await cloud.send(`DELETE ${at}/77`, { ...ADMIN, at: '2.65' })).status, 404)
  assert.equal((await cloud.send(`DELETE ${at}/${migration.id}`, { ...ADMIN, at: '2.65' })).status, 202)
  assert.deepEqual(
    (await listLiveOperations(db, instanceUuid)).map(({ cancelled }) => cancelled),
    [true],
  )
  const hurry = (id: number) =>
    cloud.send(`POST ${at}/${id}/action`, { ...ADMIN, at: '2.22', body: { force_complete: null } })
  assert.equal((await hurry(migration.id)).status, 400)
  await updateMigration(db, migration.uuid, { status: 'running' }, { now: 2 })
  assert.equal((await hurry(migration.id)).status, 202)
  await updateInstance(db, instanceUuid, { taskState: null }, { now: 1 })
  const idle = await hurry(migration.id)
  assert.deepEqual(
    [idle.status, message(idle.body)],
    [409, `Instance ${instanceUuid} is in an invalid state for 'force_complete'`],
  )
})

test('what its guest does is asked of its host, and a password it posted can be read and forgotten', async (t) => {
  const cloud = await startCloud(t)
  const { db, instanceUuid } = await migrating(cloud)
  const at = `/servers/${instanceUuid}`
  const disk = { readBytes: 1, readRequests: 2, writeBytes: 3, writeRequests: 4, errors: 0 }
  const found = {
    state: 'running',
    hypervisor: 'q',
    hypervisorOs: 'o',
    memoryMb: 64,
    cpus: [{ id: 0 }],
    disks: [disk],
  }
  const unasked = async () => assert.fail('not asked')
  const others = Object.fromEntries(Object.keys(computeContract).map((method) => [method, unasked]))
  await serveContract(computeContract, computeTopic('h1'), cloud.bus, {
    ...(others as unknown as HandlersOf<typeof computeContract>),
    diagnostics: async () => ({ driver: 'qemu', diagnostics: found }),
  })
  assert.equal((await cloud.send(`GET ${at}/diagnostics`, { at: '2.48' })).status, 403)
  const { body } = await cloud.send(`GET ${at}/diagnostics`, { ...ADMIN, at: '2.48' })
  assert.deepEqual(
    [body['state'], body['num_cpus'], body['num_nics'], body['num_disks']],
    ['running', 1, 1, 1],
  )
  const old = await cloud.send(`GET ${at}/diagnostics`, { ...ADMIN, at: '2.47' })
  assert.deepEqual([old.body['memory'], old.body['vda_write']], [65_536, 3])
  await updateInstance(db, instanceUuid, { host: null }, { now: 1 })
  assert.equal((await cloud.send(`GET ${at}/diagnostics`, { ...ADMIN, at: '2.48' })).status, 409)
  const systemMetadata = { password_0: 'ab', password_1: 'cd', keep: 'me' }
  await updateInstance(db, instanceUuid, { systemMetadata }, { now: 1 })
  assert.deepEqual((await cloud.send(`GET ${at}/os-server-password`)).body, { password: 'abcd' })
  assert.equal((await cloud.send(`DELETE ${at}/os-server-password`)).status, 204)
  assert.deepEqual((await cloud.send(`GET ${at}/os-server-password`)).body, { password: '' })
  assert.deepEqual((await getInstance(db, instanceUuid)).systemMetadata, { keep: 'me' })
  const topology = await cloud.send(`GET ${at}/topology`, { at: '2.78' })
  assert.deepEqual(topology.body, { nodes: [], pagesize_kb: null })
})

test('a server has no shares, and is given one only when it is stopped', async (t) => {
  const cloud = await startCloud(t)
  const { db, instanceUuid } = await migrating(cloud)
  const at = `/servers/${instanceUuid}/shares`
  assert.deepEqual((await cloud.send(`GET ${at}`, { at: '2.97' })).body, { shares: [] })
  const id = randomUUID()
  const add = () => cloud.send(`POST ${at}`, { at: '2.97', body: { share: { share_id: id } } })
  assert.equal((await add()).status, 409)
  await updateInstance(db, instanceUuid, { vmState: 'stopped' }, { now: 1 })
  const missing = await add()
  assert.deepEqual([missing.status, message(missing.body)], [404, `Share ${id} could not be found.`])
  for (const method of ['GET', 'DELETE'])
    assert.equal((await cloud.send(`${method} ${at}/${id}`, { at: '2.97' })).status, 404)
})
