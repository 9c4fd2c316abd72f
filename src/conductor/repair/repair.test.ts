/** Repair finds what no operation stands behind, puts it right, counts it, and leaves alone what is under way. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { reportComputeNode } from '#db/compute-nodes.ts'
import { insertMigration, updateMigration } from '#db/instance-migrations.ts'
import { latestInstanceFaults } from '#db/instance-faults.ts'
import { findInstance, getInstance, removeInstance } from '#db/instances.ts'
import { listLiveOperations, wakeOperation } from '#db/operations.ts'
import { silentLog } from '#lib/log.ts'
import { buildParams, smallCloud } from '../../../test/small-cloud.ts'
import { eventually } from '../../../test/eventually.ts'
import { type ConductorConfig, createConductor } from '../index.ts'
import { createRepair } from './index.ts'

const HOUR = 3_600_000

/** A cloud without a conductor, and a repair that lives an hour later. */
async function setUp(t: TestContext, config: Partial<ConductorConfig> = {}) {
  const cloud = await smallCloud({ config })
  t.after(() => cloud.close())
  const world = { ...cloud.world, clock: { ...cloud.world.clock, now: () => Date.now() + HOUR / 2 } }
  const repair = createRepair({ world, log: silentLog })
  t.after(() => repair.close())
  return { ...cloud, db: world.db, repair }
}

const claim = { 'rp-h1': { resources: { VCPU: 1 } } }

async function addNode(db: Parameters<typeof reportComputeNode>[0]): Promise<void> {
  const numbers = {
    vcpus: 1,
    vcpusUsed: 0,
    memoryMb: 1,
    memoryMbUsed: 0,
    localGb: 1,
    localGbUsed: 0,
    runningVms: 0,
  }
  const ratios = { cpuAllocationRatio: 1, ramAllocationRatio: 1, diskAllocationRatio: 1 }
  const hypervisor = {
    hypervisorHostname: 'h1.example',
    hypervisorType: 'QEMU',
    hypervisorVersion: 1,
    hostIp: '',
  }
  const rest = {
    diskAvailableLeast: null,
    cpuInfo: {},
    supportedInstances: [],
    uptimeSeconds: null,
    traits: [],
  }
  await reportComputeNode(
    db,
    { uuid: 'rp-h1', host: 'h1', ...numbers, ...ratios, ...hypervisor, ...rest },
    { now: 1 },
  )
}

test('a soft-deleted server is deleted for good when its while is over, and not before', async (t) => {
  const { db, repair, addInstance } = await setUp(t, { reclaimAfterMs: HOUR / 4 })
  const gone = await addInstance({ vmState: 'soft-delete' })
  const being = await addInstance({ vmState: 'soft-delete', taskState: 'restoring' })
  assert.deepEqual((await repair.run({ dryRun: true }))['soft-deleted instances'], { reclaimed: 1 })
  assert.deepEqual((await repair.run())['soft-deleted instances'], { reclaimed: 1 })
  assert.equal((await getInstance(db, gone)).taskState, 'deleting')
  assert.deepEqual(
    (await listLiveOperations(db, gone)).map(({ saga }) => saga),
    ['delete-server'],
  )
  assert.deepEqual(await listLiveOperations(db, being), [])
  const kept = await setUp(t, { reclaimAfterMs: HOUR })
  await kept.addInstance({ vmState: 'soft-delete' })
  assert.deepEqual((await kept.repair.run())['soft-deleted instances'], { reclaimed: 0 })
})

test('a shelved server leaves its host when its time is over, and not before', async (t) => {
  const { db, repair, addInstance } = await setUp(t, { shelvedOffloadMs: HOUR / 4 })
  const at = (ms: number) => ({ systemMetadata: { shelved_at: new Date(Date.now() + ms).toISOString() } })
  const due = await addInstance({ vmState: 'shelved', ...at(0) })
  const young = await addInstance({ vmState: 'shelved', ...at(HOUR / 3) })
  const coming = await addInstance({ vmState: 'shelved', taskState: 'unshelving', ...at(0) })
  assert.deepEqual((await repair.run({ dryRun: true }))['shelved servers'], { offloaded: 1 })
  assert.deepEqual((await repair.run())['shelved servers'], { offloaded: 1 })
  assert.equal((await getInstance(db, due)).taskState, 'shelving_offloading')
  const sagas = async (uuid: string) => (await listLiveOperations(db, uuid)).map(({ saga }) => saga)
  assert.deepEqual([await sagas(due), await sagas(young), await sagas(coming)], [['offload-server'], [], []])
  const never = await setUp(t, { shelvedOffloadMs: 0 })
  await never.addInstance({ vmState: 'shelved', ...at(0) })
  assert.deepEqual((await never.repair.run())['shelved servers'], { offloaded: 0 })
})

test('an instance in the middle of something that nobody works on ends in error, and says why', async (t) => {
  const { db, repair, addInstance, request } = await setUp(t)
  const abandoned = await addInstance({ vmState: 'active', taskState: 'rebooting' })
  const unborn = await addInstance({ vmState: 'building' })
  const busy = await addInstance({ vmState: 'active' })
  await request('stop-server', busy, 'powering-off', {})
  const idle = await addInstance({ vmState: 'active' })

  const wouldDo = (await repair.run({ dryRun: true }))['abandoned instances']
  assert.deepEqual(wouldDo, { failed: 2, deleted: 0 })
  assert.equal((await getInstance(db, abandoned)).taskState, 'rebooting', 'a dry run does nothing')
  assert.deepEqual((await repair.run())['abandoned instances'], wouldDo)
  const states = await Promise.all([abandoned, unborn, busy, idle].map((uuid) => getInstance(db, uuid)))
  assert.deepEqual(
    states.map(({ vmState, taskState }) => [vmState, taskState]),
    [
      ['error', null],
      ['error', null],
      ['active', 'powering-off'],
      ['active', null],
    ],
  )
  const faults = await latestInstanceFaults(db, [abandoned])
  assert.equal(faults.get(abandoned)?.message, 'The server was left rebooting with nobody working on it.')
  assert.deepEqual((await repair.run())['abandoned instances'], { failed: 0, deleted: 0 })
})

test('an abandoned delete is begun again', async (t) => {
  const { db, repair, addInstance } = await setUp(t)
  const uuid = await addInstance({ vmState: 'active', taskState: 'deleting' })
  assert.deepEqual((await repair.run())['abandoned instances'], { failed: 0, deleted: 1 })
  assert.deepEqual(
    (await listLiveOperations(db, uuid)).map(({ saga }) => saga),
    ['delete-server'],
  )
  assert.ok(await findInstance(db, uuid))
})

async function insertMove(db: Parameters<typeof insertMigration>[0], instanceUuid: string): Promise<string> {
  const uuid = randomUUID()
  const owner = { userId: 'ada', projectId: 'project' }
  await insertMigration(
    db,
    { uuid, instanceUuid, migrationType: 'resize', status: 'finished', sourceCompute: 'h1', ...owner },
    { now: 1 },
  )
  return uuid
}

test('allocations of what is gone are released, not those of builds, moves and standing servers; bare servers get theirs', async (t) => {
  const { db, repair, placement, addInstance, request } = await setUp(t)
  await addNode(db)
  const standing = await addInstance({ host: 'h1' })
  const building = await addInstance({ vmState: 'building' })
  await request('build-server', building, 'scheduling', buildParams())
  const deleted = await addInstance({ host: 'h1' })
  await removeInstance(db, deleted, { now: 1 })
  const failed = await addInstance({ vmState: 'error' })
  for (const uuid of [standing, building, deleted, failed]) placement.allocations.set(uuid, claim)
  placement.allocations.set('unknown', claim)
  const bare = await addInstance({ host: 'h1' })
  for (const unsettled of [{ taskState: 'rebooting' as const }, { vmState: 'error' as const }])
    await addInstance({ host: 'h1', ...unsettled })
  const move = await insertMove(db, standing)
  const movedAway = await insertMove(db, deleted)
  for (const uuid of [move, movedAway]) placement.allocations.set(uuid, claim)
  const confirmed = await insertMove(db, standing)
  await updateMigration(db, confirmed, { status: 'confirmed' }, { now: 2 })
  placement.allocations.set(confirmed, claim)

  assert.deepEqual((await repair.run({ dryRun: true }))['orphaned allocations'], { released: 5, healed: 1 })
  assert.equal(placement.allocations.size, 8)
  assert.deepEqual((await repair.run())['orphaned allocations'], { released: 5, healed: 1 })
  assert.deepEqual([...placement.allocations.keys()], [standing, building, move, bare])
  assert.deepEqual(placement.allocations.get(bare), {
    'rp-h1': { resources: { VCPU: 2, MEMORY_MB: 128, DISK_GB: 1 } },
  })
  assert.deepEqual((await repair.run())['orphaned allocations'], { released: 0, healed: 0 })
})

test('a server that holds resources of another host only lets go of them for its own', async (t) => {
  const { db, repair, placement, addInstance, request } = await setUp(t)
  await addNode(db)
  const [settled, busy] = [await addInstance({ host: 'h1' }), await addInstance({ host: 'h1' })]
  await request('stop-server', busy, 'powering-off', {})
  const elsewhere = { 'rp-h2': { resources: { VCPU: 2 } } }
  for (const uuid of [settled, busy]) placement.allocations.set(uuid, elsewhere)
  assert.deepEqual((await repair.run())['orphaned allocations'], { released: 0, healed: 1 })
  assert.deepEqual(Object.keys(placement.allocations.get(settled) ?? {}), ['rp-h1'])
  assert.equal(placement.allocations.get(busy), elsewhere)
})

test('ports that were made for a deleted server are removed, its owner’s are freed', async (t) => {
  const { db, repair, networks, addInstance, request } = await setUp(t)
  const uuid = await addInstance({ vmState: 'building' })
  await request('build-server', uuid, 'scheduling', buildParams())
  await removeInstance(db, uuid, { now: Date.now() })
  await networks.allocate({ instanceUuid: uuid, host: 'h1' }, buildParams().networks)
  assert.deepEqual((await repair.run())['vanished ports'], { removed: 2 })
  assert.deepEqual(
    networks.all().map(({ id, deviceId }) => [id, deviceId]),
    [['own-port', '']],
  )
  assert.deepEqual((await repair.run())['vanished ports'], { removed: 0 })
})

test('an undoing that was given up goes on, unless another operation took over', async (t) => {
  const { db, repair, networks, deps, addInstance, request } = await setUp(t)
  const [left, taken] = [
    await addInstance({ vmState: 'building' }),
    await addInstance({ vmState: 'building' }),
  ]
  networks.release = () => Promise.reject(new Error('Neutron is away'))
  networks.allocate = () => Promise.reject(new Error('Neutron is away'))
  const conductor = createConductor(deps)
  t.after(() => conductor.close())
  await conductor.start()
  for (const uuid of [left, taken]) await request('build-server', uuid, 'scheduling', buildParams())
  const idle = async () =>
    (await Promise.all([left, taken].map((uuid) => listLiveOperations(db, uuid)))).flat().length === 0
  await eventually(idle)
  await request('stop-server', taken, 'powering-off', {})
  await eventually(idle)

  const released: string[] = []
  networks.release = async (uuid) => void released.push(uuid)
  assert.deepEqual((await repair.run({ dryRun: true }))['unfinished undoings'], { resumed: 1 })
  assert.deepEqual((await repair.run())['unfinished undoings'], { resumed: 1 })
  // Repair lives half an hour later than the conductor.
  for (const { id } of await listLiveOperations(db, left)) await wakeOperation(db, id, { now: Date.now() })
  await eventually(idle)
  assert.deepEqual(released, [left])
  assert.equal((await getInstance(db, left)).vmState, 'error')
  assert.deepEqual((await repair.run())['unfinished undoings'], { resumed: 0 })
})

test('rows of servers deleted long ago are archived, then purged, by age, and only when that is asked for', async (t) => {
  const config = { archiveDeletedMs: 2 * HOUR, purgeDeletedMs: 4 * HOUR }
  const idle = await setUp(t)
  const { db, repair, addInstance } = await setUp(t, config)
  const made = await Promise.all([1, 2, 3].map(() => addInstance({ host: 'h1' })))
  const [recent = '', old = '', ancient = ''] = made
  const hours = [
    [recent, 1],
    [old, 3],
    [ancient, 5],
  ] as const
  for (const [uuid, ago] of hours) await removeInstance(db, uuid, { now: Date.now() - ago * HOUR })
  const run = async (dryRun: boolean) => (await repair.run({ dryRun }))['deleted servers']
  const there = async (uuid: string) =>
    getInstance(db, uuid, { deleted: 'include' }).then(
      () => true,
      () => false,
    )

  assert.deepEqual(await run(true), { archived: 2, purged: 0 })
  assert.deepEqual(await Promise.all([recent, old, ancient].map(there)), [true, true, true])
  const { archived, purged = 0 } = (await run(false)) ?? {}
  assert.deepEqual([archived, purged > 0], [2, true])
  assert.deepEqual(await Promise.all([recent, old, ancient].map(there)), [true, false, false])
  const kept = await db.selectFrom('archived_rows').select('instance_uuid').distinct().execute()
  assert.deepEqual(kept, [{ instance_uuid: old }])
  assert.deepEqual(await run(false), { archived: 0, purged: 0 })

  const forgotten = await idle.addInstance({ host: 'h1' })
  await removeInstance(idle.db, forgotten, { now: 1 })
  assert.deepEqual((await idle.repair.run())['deleted servers'], { archived: 0, purged: 0 })
})

test('a task that fails does not keep the others from running', async (t) => {
  const { repair, placement, db, addInstance } = await setUp(t)
  await addNode(db)
  placement.allocationsOn = () => Promise.reject(new Error('Placement is away'))
  await addInstance({ vmState: 'active', taskState: 'rebooting' })
  const did = await repair.run()
  assert.equal(did['orphaned allocations'], undefined)
  assert.deepEqual(did['abandoned instances'], { failed: 1, deleted: 0 })
  assert.deepEqual(did['old records'], { operations: 0, tokens: 0 })
})
