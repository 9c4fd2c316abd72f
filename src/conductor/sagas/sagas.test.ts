/** The four free tests on every saga of the conductor, in a small cloud. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operationsJournal } from '#db/operations-journal.ts'
import { breakLeases, findOperation } from '#db/operations.ts'
import { latestInstanceFaults } from '#db/instance-faults.ts'
import { findInstanceAction, listActionEvents } from '#db/instance-actions.ts'
import { findInstance, getInstance } from '#db/instances.ts'
import { type SagaName } from '#contracts/operations.ts'
import { CONDUCTOR_TOPIC, conductorContract } from '#contracts/conductor.ts'
import { serveContract } from '#contracts/contract.ts'
import { silentLog } from '#lib/log.ts'
import { POWER_STATES, type Instance, type TaskState } from '#model/instance/index.ts'
import {
  doTwice,
  failsCleanlyAtEachStep,
  type Given,
  resumesAfterCrashAtEachStep,
  undoTwice,
} from '../../../test/saga-tests.ts'
import { buildParams, smallCloud, type SmallCloud } from '../../../test/small-cloud.ts'
import { eventually } from '../../../test/eventually.ts'
import { announcements } from '../announce.ts'
import { createConductor } from '../conductor.ts'
import { stateService } from '../state-service.ts'
import {
  assertInterface,
  INTERFACE_CASES,
  INTERFACE_PREPARATIONS,
  runningInstance,
} from '../../../test/interface-sagas.ts'
import { ALL_MOVE_CASES, assertFailedMove, assertPlace, type Prepare } from '../../../test/move-sagas.ts'
import {
  assertVolumes,
  BUILD_WITH_VOLUMES,
  VOLUME_CASES,
  VOLUME_PREPARATIONS,
  volumesOf,
} from '../../../test/volume-sagas.ts'
import type { ConductorTypes } from '../world.ts'
import { sagas } from './index.ts'

interface Case {
  readonly saga: SagaName
  readonly where?: string
  readonly prepare?: Prepare
  readonly taskState: TaskState | null
  readonly params: Parameters<SmallCloud['request']>[3]
  readonly on: 'nowhere' | 'h1'
  done(cloud: SmallCloud, instance: Instance | undefined, uuid: string): void | Promise<void>
  failed(cloud: SmallCloud, instance: Instance, uuid: string): void | Promise<void>
}

const guestsOf = (cloud: SmallCloud) =>
  Object.values(cloud.computes).flatMap((compute) => [...compute.guests])
const madePorts = (cloud: SmallCloud) => cloud.networks.all().filter((port) => !port.preexisting)
const ownPort = (cloud: SmallCloud) => cloud.networks.all().find((port) => port.id === 'own-port')

function assertNothingLeft(cloud: SmallCloud): void {
  assert.deepEqual(guestsOf(cloud), [])
  assert.deepEqual(madePorts(cloud), [])
  assert.equal(ownPort(cloud)?.deviceId, '', 'the owner’s port is free, and still there')
  assert.deepEqual([...cloud.placement.allocations], [])
  assertVolumes(cloud, {})
}

const states = (instance: Instance | undefined) =>
  instance && [instance.vmState, instance.taskState, instance.powerState]
const { running, shutdown, paused, suspended } = POWER_STATES

const settles = (
  kind: string,
  good: readonly unknown[],
  bad: readonly unknown[],
): Pick<Case, 'done' | 'failed'> => ({
  done: (cloud, instance) => {
    assert.deepEqual(states(instance), good)
    assert.deepEqual(new Set(cloud.computes.h1?.did.map((did) => did.kind)), new Set([kind]))
  },
  failed: (_cloud, instance) => assert.deepEqual(states(instance), bad),
})

const CASES: readonly Case[] = [
  {
    saga: 'build-server',
    taskState: 'scheduling',
    params: buildParams(),
    on: 'nowhere',
    done: (cloud, instance, uuid) => {
      assert.deepEqual(states(instance), ['active', null, running])
      assert.deepEqual(
        [instance?.host, instance?.node, instance?.launchedOn, instance?.availabilityZone],
        ['h1', 'h1.example', 'h1', 'nova'],
      )
      assert.ok(instance?.launchedAt)
      assert.equal(instance.networkInfo.length, 2)
      assert.deepEqual(guestsOf(cloud), [uuid])
      assert.deepEqual(
        cloud.networks.all().map((port) => [port.deviceId, port.host]),
        [
          [uuid, 'h1'],
          [uuid, 'h1'],
        ],
      )
      assert.deepEqual([...cloud.placement.allocations], [[uuid, { 'rp-h1': { resources: { VCPU: 1 } } }]])
    },
    failed: (cloud, instance) => {
      assert.deepEqual(
        [instance.vmState, instance.taskState, instance.host, instance.node],
        ['error', null, null, null],
      )
      assert.deepEqual(instance.networkInfo, [])
      assertNothingLeft(cloud)
    },
  },
  BUILD_WITH_VOLUMES,
  {
    saga: 'delete-server',
    taskState: 'deleting',
    params: {},
    on: 'h1',
    done: (cloud, instance, uuid) => {
      assert.equal(instance, undefined, `${uuid} is found no more`)
      assertNothingLeft(cloud)
    },
    failed: (_cloud, instance) => assert.deepEqual([instance.vmState, instance.taskState], ['error', null]),
  },
  {
    saga: 'start-server',
    taskState: 'powering-on',
    params: {},
    on: 'h1',
    ...settles('start', ['active', null, running], ['active', null, running]),
  },
  {
    saga: 'stop-server',
    taskState: 'powering-off',
    params: {},
    on: 'h1',
    ...settles('stop', ['stopped', null, shutdown], ['active', null, running]),
  },
  {
    saga: 'reboot-server',
    taskState: 'rebooting',
    params: { type: 'SOFT' },
    on: 'h1',
    ...settles('reboot', ['active', null, running], ['error', null, running]),
  },
  {
    saga: 'resume-server',
    taskState: 'powering-on',
    params: {},
    on: 'h1',
    ...settles('start', ['active', null, running], ['error', null, running]),
  },
]

/** Sagas of one command, on a running server: saga, command, task state, how it ends well, how badly. */
const active = ['active', null, running]
const GUEST_CASES: readonly (readonly [SagaName, string, TaskState | null, unknown[], unknown[], object?])[] =
  [
    ['pause-server', 'pause', 'pausing', ['paused', null, paused], active],
    ['unpause-server', 'unpause', 'unpausing', active, active],
    ['suspend-server', 'suspend', 'suspending', ['suspended', null, suspended], ['error', null, running]],
    ['unsuspend-server', 'resume', 'resuming', active, ['error', null, running]],
    [
      'rescue-server',
      'rescue',
      'rescuing',
      ['rescued', null, running],
      ['error', null, running],
      { image: null },
    ],
    ['unrescue-server', 'unrescue', 'unrescuing', active, ['error', null, running]],
    ['set-password', 'set-password', 'updating_password', active, active, { adminPass: 'x' }],
    ['dump-crash', 'dump-crash', null, active, active],
    ['inject-network-info', 'inject-network-info', null, active, active],
    ['soft-delete-server', 'stop', 'soft-deleting', ['soft-delete', null, shutdown], active],
    ['restore-server', 'start', 'restoring', active, active],
  ]
const ALL_CASES: readonly Case[] = [
  ...CASES,
  ...GUEST_CASES.map(([saga, kind, taskState, good, bad, params = {}]) => ({
    saga,
    taskState,
    params: params as Case['params'],
    on: 'h1' as const,
    ...settles(kind, good, bad),
  })),
  ...ALL_MOVE_CASES.map(
    ({ one: [saga, taskState, good, ...bad], ...more }): Case => ({
      saga,
      ...more,
      taskState,
      params: {},
      on: 'h1',
      done: (cloud, instance) => (instance ? assertPlace(cloud, instance, good) : assert.fail()),
      failed: (cloud, instance) => assertFailedMove(cloud, instance, bad),
    }),
  ),
  ...INTERFACE_CASES.map(
    ([saga, good, bad]): Case => ({
      saga,
      taskState: null,
      params: {},
      on: 'h1',
      done: (cloud, instance) => (instance ? assertInterface(cloud, instance, good) : assert.fail()),
      failed: (cloud, instance) => {
        assert.deepEqual(states(instance), active)
        assertInterface(cloud, instance, ...bad)
      },
    }),
  ),
  ...VOLUME_CASES.map(([saga, good, bad]): Case => {
    type Volumes = Readonly<Record<string, string>>
    const ends =
      (...volumes: readonly [Volumes, ...Volumes[]]): Case['failed'] =>
      async (cloud, instance, uuid) => {
        assert.deepEqual(states(instance), active)
        const found = assertVolumes(cloud, ...volumes)
        const used = Object.keys(found).filter((name) => found[name] !== 'available')
        assert.deepEqual(await volumesOf(cloud, uuid), used)
      }
    const done = ends(good)
    return {
      saga,
      taskState: null,
      params: {},
      on: 'h1',
      done: (cloud, instance, uuid) => (instance ? done(cloud, instance, uuid) : assert.fail()),
      failed: ends(bad[0], ...bad.slice(1)),
    }
  }),
]

const PREPARATIONS: Partial<Record<SagaName, Prepare>> = {
  ...VOLUME_PREPARATIONS,
  ...INTERFACE_PREPARATIONS,
}

const given = (of: Case) => async (): Promise<Given<ConductorTypes>> => {
  const cloud = await smallCloud()
  const { world, database, context } = cloud
  const saga = sagas.find(({ name }) => name === of.saga)
  assert.ok(saga)
  const served = await serveContract(
    conductorContract,
    CONDUCTOR_TOPIC,
    cloud.bus,
    stateService({ db: database, world, log: silentLog }),
  )
  const uuid =
    of.on === 'h1' ? await runningInstance(cloud) : await cloud.addInstance({ vmState: 'building' })
  const params = (await (of.prepare ?? PREPARATIONS[of.saga])?.(cloud, uuid)) ?? of.params
  const operation = await cloud.request(of.saga, uuid, of.taskState, params)
  const requestId = (await findOperation(world.db, operation))?.requestId ?? context.requestId

  async function verifyAction(message: string | null): Promise<void> {
    const action = await findInstanceAction(world.db, { instanceUuid: uuid, requestId })
    assert.equal(action?.message, message)
    assert.ok(action?.finishedAt)
    const events = await listActionEvents(world.db, action?.id ?? 0)
    for (const event of events) assert.ok(event.finishedAt && event.result, `${event.event} is over`)
    const names = events.map(({ event }) => event)
    assert.deepEqual(names, [...new Set(names)], 'no event is told twice')
  }

  return {
    saga,
    world,
    hooks: announcements,
    journal: operationsJournal<ConductorTypes>(database, world.clock),
    ending: async () => {
      const status = (await findOperation(world.db, operation))?.status
      return status === 'live' ? undefined : status
    },
    breakLeases: async () => void (await breakLeases(world.db)),
    verifyDone: async () => {
      await cloud.computes.h1?.idle()
      await of.done(cloud, await findInstance(world.db, uuid), uuid)
      await verifyAction(null)
    },
    verifyCleanSlate: async () => {
      await cloud.computes.h1?.idle()
      await of.failed(cloud, await getInstance(world.db, uuid), uuid)
      await verifyAction('Error')
      const fault = (await latestInstanceFaults(world.db, [uuid])).get(uuid)
      assert.match(fault?.message ?? '', /was told to fail/)
      assert.equal(fault?.code, 500)
    },
    close: async () => {
      // Whoever tells an outcome to nobody waits for the answer until it is late.
      for (const compute of Object.values(cloud.computes)) await compute.idle()
      await served.close()
      await cloud.close()
    },
  }
}

/** One stands for all that differ from it in words, or are part of it: they are tried without crashes. */
const LIKE_OTHERS: ReadonlySet<SagaName> = new Set<SagaName>([
  ...GUEST_CASES.map(([saga]) => saga).filter(
    (saga) => saga !== 'pause-server' && saga !== 'soft-delete-server',
  ),
  'backup-server',
  'shelve-server',
  'offload-server',
  'unshelve-server',
  'rebuild-server',
  'evacuate-server',
])

for (const { where = '', ...one } of ALL_CASES) {
  test(`${one.saga}${where} fails cleanly at each step`, () => failsCleanlyAtEachStep(given(one)))
  test(`${one.saga}${where}: dos may run twice`, () => doTwice(given(one)))
  if (LIKE_OTHERS.has(one.saga)) continue
  test(`${one.saga}${where}: undos may run twice`, () => undoTwice(given(one)))
  test(`${one.saga}${where} goes on after a crash between any two writes`, () =>
    resumesAfterCrashAtEachStep(given(one)))
}

test('a driver that lacks an ability leaves the server as it was, and says so in a fault and the action', async () => {
  const cloud = await smallCloud()
  const { world } = cloud
  const uuid = await runningInstance(cloud)
  assert.ok(cloud.computes.h1)
  const message = 'NotImplementedError: suspend is not implemented by this driver or guest instance.'
  const refusal = { ok: false, message, details: message, retryable: false, unsupported: true } as const
  cloud.computes.h1.misbehave = () => refusal
  const conductor = createConductor(cloud.deps)
  await conductor.start()
  const operation = await cloud.request('suspend-server', uuid, 'suspending', {})
  await eventually(async () => (await findOperation(world.db, operation))?.status === 'failed')
  const { requestId } = (await findOperation(world.db, operation)) ?? { requestId: '' }
  assert.deepEqual(states(await findInstance(world.db, uuid)), active)
  assert.equal((await latestInstanceFaults(world.db, [uuid])).get(uuid)?.message, message)
  const action = await findInstanceAction(world.db, { instanceUuid: uuid, requestId })
  assert.equal(action?.message, 'Error')
  await conductor.close()
  await cloud.close()
})

const SECRETS = [
  { saga: 'set-password', taskState: 'updating_password', params: { adminPass: 'hunter2' } },
  {
    saga: 'rescue-server',
    taskState: 'rescuing',
    params: { image: null, injected: { adminPass: 'hunter2' } },
  },
] as const

for (const { saga, taskState, params } of SECRETS)
  for (const outcome of ['done', 'failed'] as const)
    test(`${saga} that is ${outcome}: the password is told to the guest's host, and forgotten`, async () => {
      const cloud = await smallCloud()
      const { world } = cloud
      const uuid = await runningInstance(cloud)
      assert.ok(cloud.computes.h1)
      const failure = { ok: false, message: 'no', details: 'no', retryable: false } as const
      if (outcome === 'failed') cloud.computes.h1.misbehave = () => failure
      const conductor = createConductor(cloud.deps)
      await conductor.start()
      const operation = await cloud.request(saga, uuid, taskState, params)
      await eventually(async () => (await findOperation(world.db, operation))?.status === outcome)
      if (outcome === 'done') assert.match(JSON.stringify(cloud.computes.h1.did[0]?.args), /hunter2/)
      const rows = [
        ...(await world.db.selectFrom('operations').selectAll().execute()),
        ...(await world.db.selectFrom('commands').selectAll().execute()),
      ]
      assert.doesNotMatch(JSON.stringify(rows), /hunter2/)
      await conductor.close()
      await cloud.close()
    })

test('an attach that fails leaves the task state to the reboot that runs beside it', async () => {
  const cloud = await smallCloud()
  const { world } = cloud
  const uuid = await runningInstance(cloud)
  assert.ok(cloud.computes.h1)
  cloud.computes.h1.misbehave = ({ kind }) => {
    if (kind === 'reboot') return 'silence'
    return { ok: false, message: 'no slot is free', details: '', retryable: false }
  }
  const conductor = createConductor(cloud.deps)
  await conductor.start()
  await cloud.request('reboot-server', uuid, 'rebooting', { type: 'HARD' })
  await eventually(async () => (await findInstance(world.db, uuid))?.taskState === 'reboot_started_hard')
  const params = await INTERFACE_PREPARATIONS['attach-interface'](cloud, uuid)
  const beside = await cloud.request('attach-interface', uuid, 'reboot_started_hard', params)
  await eventually(async () => (await findOperation(world.db, beside))?.status === 'failed')
  assert.equal((await findInstance(world.db, uuid))?.taskState, 'reboot_started_hard')
  assert.equal((await latestInstanceFaults(world.db, [uuid])).get(uuid)?.message, 'no slot is free')
  await conductor.close()
  await cloud.close()
})

test('every saga the API may ask for is tested here', () => {
  assert.deepEqual(new Set(ALL_CASES.map(({ saga }) => saga)), new Set(sagas.map(({ name }) => name)))
})
