/** What computes and proxies hear from the conductor. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { CONDUCTOR_TOPIC, conductorContract } from '#contracts/conductor.ts'
import { clientOf } from '#contracts/contract.ts'
import { insertConsoleToken } from '#db/console-tokens.ts'
import { insertMigration } from '#db/instance-migrations.ts'
import { getInstance, removeInstance, updateInstance } from '#db/instances.ts'
import { listInstanceActions } from '#db/instance-actions.ts'
import { listPendingCommands } from '#db/commands.ts'
import { listLiveOperations } from '#db/operations.ts'
import { POWER_STATES, type PowerState, type TaskState, type VmState } from '#model/instance/index.ts'
import { eventually } from '../../test/eventually.ts'
import { smallCloud } from '../../test/small-cloud.ts'
import { createConductor } from './index.ts'

const { running, shutdown, crashed, paused, nostate } = POWER_STATES

async function setUp(t: TestContext) {
  const cloud = await smallCloud()
  const conductor = createConductor(cloud.deps)
  await conductor.start()
  t.after(async () => {
    await conductor.close()
    await cloud.close()
  })
  return { ...cloud, ask: clientOf(conductorContract, CONDUCTOR_TOPIC, cloud.bus), db: cloud.world.db }
}

test('an outcome is written once, by the host that was told, and wakes its operation', async (t) => {
  const { ask, db, computes, addInstance, request } = await setUp(t)
  computes.h1!.misbehave = () => 'silence'
  const uuid = await addInstance({ host: 'h1' })
  await request('stop-server', uuid, 'powering-off', {})
  const [command] = await eventually(async () => {
    const pending = await ask.pendingCommands.call({ host: 'h1' }, 'req-1')
    return pending.length > 0 && pending
  })
  assert.deepEqual([command?.kind, command?.instanceUuid, command?.guest.uuid], ['stop', uuid, uuid])
  const commandId = command?.id ?? ''
  const fine = { ok: true, result: { powerState: crashed } } as const
  await ask.commandDone.call({ commandId, host: 'h2', outcome: fine }, 'req-1')
  assert.equal((await listPendingCommands(db, 'h1')).length, 1)
  await ask.commandDone.call({ commandId, host: 'h1', outcome: fine }, 'req-1')
  await eventually(async () => (await listLiveOperations(db, uuid)).length === 0)
  const failed = { ok: false, message: 'late', details: '', retryable: false } as const
  await ask.commandDone.call({ commandId, host: 'h1', outcome: failed }, 'req-1')
  const instance = await getInstance(db, uuid)
  assert.deepEqual([instance.vmState, instance.taskState, instance.powerState], ['stopped', null, crashed])
})

test('expected guests: those on the host, and what lingers there though deleted or elsewhere', async (t) => {
  const { ask, db, addInstance } = await setUp(t)
  const here = await addInstance({ host: 'h1', powerState: running })
  const missing = await addInstance({ host: 'h1' })
  const moved = await addInstance({ host: 'h2' })
  const nowhere = await addInstance({ vmState: 'error' })
  const gone = await addInstance({ host: 'h1' })
  await removeInstance(db, gone, { now: 1 })
  const uuids = [here, moved, nowhere, gone, '00000000-0000-4000-8000-000000000000']
  const expected = await ask.expectedGuests.call({ host: 'h1', uuids }, 'req-1')
  assert.deepEqual(
    new Map(expected.map((guest) => [guest.uuid, guest.deleted])),
    new Map([
      [here, false],
      [missing, false],
      [moved, true],
      [nowhere, true],
      [gone, true],
    ]),
  )
})

test('what was evacuated while its host was away is neither expected there nor to be destroyed, until it is deleted', async (t) => {
  const { ask, db, addInstance } = await setUp(t)
  const [evacuated, settled, deleted] = await Promise.all([1, 2, 3].map(() => addInstance({ host: 'h2' })))
  assert.ok(evacuated && settled && deleted)
  for (const instanceUuid of [evacuated, settled, deleted]) {
    const owner = { userId: 'ada', projectId: 'project', sourceCompute: 'h1', destCompute: 'h2' }
    const status = instanceUuid === settled ? 'completed' : 'done'
    const move = { instanceUuid, migrationType: 'evacuation', status, ...owner } as const
    await insertMigration(db, { ...move, uuid: randomUUID() }, { now: 1 })
  }
  await removeInstance(db, deleted, { now: 2 })
  const told = await ask.expectedGuests.call({ host: 'h1', uuids: [evacuated, settled, deleted] }, 'req-1')
  assert.deepEqual(
    new Map(told.map((guest) => [guest.uuid, [guest.deleted, guest.quarantined ?? false]])),
    new Map([
      [evacuated, [false, true]],
      [settled, [false, true]],
      [deleted, [true, false]],
    ]),
  )
  const [there] = await ask.expectedGuests.call({ host: 'h2', uuids: [evacuated] }, 'req-1')
  assert.deepEqual([there?.uuid, there?.deleted, there?.quarantined], [evacuated, false, undefined])
})

const CHANGES: readonly [
  vmState: VmState,
  taskState: TaskState | null,
  from: PowerState,
  to: PowerState,
  ends: VmState,
  stops: boolean,
][] = [
  ['active', null, running, shutdown, 'stopped', true],
  ['active', null, running, crashed, 'stopped', true],
  ['active', null, running, paused, 'active', false],
  ['active', null, running, nostate, 'active', false],
  ['active', 'rebooting', running, shutdown, 'active', false],
  ['stopped', null, shutdown, running, 'stopped', true],
  ['stopped', null, shutdown, crashed, 'stopped', false],
  ['paused', null, paused, shutdown, 'stopped', true],
  ['error', null, running, shutdown, 'error', false],
  ['building', 'spawning', nostate, running, 'building', false],
]

for (const [vmState, taskState, from, to, ends, stops] of CHANGES) {
  test(`a ${vmState} server (${taskState ?? 'idle'}) whose guest's power state goes from ${from} to ${to} is ${stops ? 'stopped' : 'left alone'}`, async (t) => {
    const { ask, db, computes, addInstance } = await setUp(t)
    const uuid = await addInstance({ host: 'h1', vmState, taskState, powerState: from })
    await ask.powerStateChanged.call({ host: 'h2', instanceUuid: uuid, powerState: to }, 'req-1')
    assert.equal((await getInstance(db, uuid)).powerState, from, 'another host knows nothing of it')
    await ask.powerStateChanged.call({ host: 'h1', instanceUuid: uuid, powerState: to }, 'req-1')
    const after = await getInstance(db, uuid)
    assert.equal(after.powerState, taskState === null ? to : from)
    await eventually(async () => (await listLiveOperations(db, uuid)).length === 0)
    assert.equal((await getInstance(db, uuid)).vmState, ends)
    assert.equal((await getInstance(db, uuid)).taskState, taskState)
    assert.deepEqual(
      computes.h1!.did.map(({ kind }) => kind),
      stops ? ['stop'] : [],
    )
    assert.deepEqual(
      (await listInstanceActions(db, uuid)).map(({ action }) => action),
      stops ? ['stop'] : [],
    )
  })
}

test('guests that should run and do not are started again, once', async (t) => {
  const { ask, db, computes, addInstance } = await setUp(t)
  const active = await addInstance({ host: 'h1', powerState: running })
  const stopped = await addInstance({ host: 'h1', vmState: 'stopped' })
  const busy = await addInstance({ host: 'h1', taskState: 'rebooting' })
  const elsewhere = await addInstance({ host: 'h2' })
  const instanceUuids = [active, stopped, busy, elsewhere, active]
  await ask.resumeGuests.call({ host: 'h1', instanceUuids }, 'req-1')
  await eventually(async () => (await getInstance(db, active)).taskState === null)
  assert.deepEqual(
    computes.h1!.did.map(({ kind, instanceUuid }) => [kind, instanceUuid]),
    [['start', active]],
  )
})

test('a console token leads to a running guest’s console, once, and says why when it does not', async (t) => {
  const { ask, db, addInstance } = await setUp(t)
  const uuid = await addInstance({ host: 'h1', powerState: shutdown })
  const about = { instanceUuid: uuid, consoleType: 'novnc', accessUrlBase: 'http://127.0.0.1/vnc.html' }
  await insertConsoleToken(db, 'secret', { ...about, expiresAt: Date.now() + 60_000 }, { now: Date.now() })
  await insertConsoleToken(db, 'old', { ...about, expiresAt: 1 }, { now: 0 })
  const validate = (token: string, consume: boolean) =>
    ask.validateConsoleToken.call({ token, consume }, 'req-1')

  assert.deepEqual(await validate('guessed', true), { verdict: 'unknown' })
  assert.deepEqual(await validate('old', true), { verdict: 'expired' })
  assert.deepEqual(await validate('secret', true), { verdict: 'not-running' })
  await updateInstance(db, uuid, { powerState: running }, { now: 1 })
  const valid = { verdict: 'valid', ...about, unixPath: `/run/${uuid}.vnc` }
  assert.deepEqual(await validate('secret', false), valid)
  assert.deepEqual(await validate('secret', true), valid)
  assert.deepEqual(await validate('secret', true), { verdict: 'used' })
})

test('services and nodes are registered, and keep their ids', async (t) => {
  const { ask } = await setUp(t)
  const report = { binary: 'nova-compute', host: 'h9', topic: 'compute', version: 66 }
  assert.deepEqual(await ask.reportService.call(report, 'req-1'), { disabled: false, forcedDown: false })
  const node = {
    uuid: '11111111-1111-4111-8111-111111111111',
    hypervisorHostname: 'h9.example',
    hypervisorType: 'QEMU',
    hypervisorVersion: 7002000,
    hostIp: '127.0.0.1',
    vcpus: 2,
    vcpusUsed: 0,
    memoryMb: 2048,
    memoryMbUsed: 0,
    localGb: 10,
    localGbUsed: 0,
    diskAvailableLeast: null,
    runningVms: 0,
    cpuInfo: {},
    supportedInstances: [],
    uptimeSeconds: null,
    cpuAllocationRatio: 4,
    ramAllocationRatio: 1,
    diskAllocationRatio: 1,
    traits: [],
  }
  const first = await ask.reportNode.call({ host: 'h9', node }, 'req-1')
  const again = await ask.reportNode.call(
    { host: 'h9', node: { ...node, uuid: '22222222-2222-4222-8222-222222222222' } },
    'req-1',
  )
  assert.deepEqual([first.uuid, again.uuid], [node.uuid, node.uuid])
})
