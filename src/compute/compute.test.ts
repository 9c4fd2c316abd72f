import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { createInProcessBus } from '#bus/in-process.ts'
import type { Bus } from '#bus/port.ts'
import {
  type Command,
  type CommandKind,
  computeContract,
  computeTopic,
  type GuestSpec,
} from '#contracts/compute.ts'
import {
  CONDUCTOR_TOPIC,
  type CommandOutcome,
  conductorContract,
  type ExpectedGuest,
  type NodeReport,
} from '#contracts/conductor.ts'
import { clientOf, type HandlersOf, serveContract } from '#contracts/contract.ts'
import { systemClock } from '#lib/clock.ts'
import { randomIds } from '#lib/ids.ts'
import { silentLog } from '#lib/log.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import type { PlacementClient } from '#neighbours/placement/port.ts'
import { createSimulatedDriver, type SimulatedDriver } from '#virt/simulated/index.ts'
import { flavor, imageOf } from '../../test/contract/virt-driver.ts'
import { eventually } from '../../test/eventually.ts'
import { type ComputeConfig, createCompute } from './index.ts'

const HOST = 'host-1'
const NODE_UUID = '5a1f6c9e-0000-4000-8000-000000000001'

/** A conductor that remembers what it is told and answers what it is given. */
function recordingConductor() {
  const heard = {
    services: 0,
    nodes: [] as NodeReport[],
    outcomes: new Map<string, CommandOutcome[]>(),
    power: [] as { instanceUuid: string; powerState: number }[],
    resumed: [] as string[],
  }
  const given = { pending: [] as Command[], expected: [] as ExpectedGuest[], refusals: 0 }
  const unexpected = async () => assert.fail('not a question of a compute')
  const handlers: HandlersOf<typeof conductorContract> = {
    operationReady: unexpected,
    validateConsoleToken: unexpected,
    reportService: async () => ((heard.services += 1), { disabled: false, forcedDown: false }),
    reportNode: async ({ node }) => (heard.nodes.push(node), { uuid: NODE_UUID }),
    pendingCommands: async () => given.pending,
    async commandDone({ commandId, outcome }) {
      if (given.refusals-- > 0) throw new Error('the database is busy')
      heard.outcomes.set(commandId, [...(heard.outcomes.get(commandId) ?? []), outcome])
      given.pending = given.pending.filter(({ id }) => id !== commandId)
      return null
    },
    expectedGuests: async () => given.expected,
    powerStateChanged: async (report) => (heard.power.push(report), null),
    resumeGuests: async ({ instanceUuids }) => (heard.resumed.push(...instanceUuids), null),
  }
  return { heard, given, handlers }
}

/** A Placement that remembers the last provider and has the given allocations. */
function recordingPlacement() {
  const providers: Parameters<PlacementClient['syncProvider']>[0][] = []
  return {
    providers,
    syncProvider: async (provider: (typeof providers)[0]) => void providers.push(provider),
    allocationsOn: async () => ({
      c1: { resources: { VCPU: 2, MEMORY_MB: 512, DISK_GB: 3 } },
      c2: { resources: { VCPU: 1 } },
    }),
  }
}

interface Rig {
  readonly bus: Bus
  readonly driver: SimulatedDriver
  readonly placement: ReturnType<typeof recordingPlacement>
  readonly heard: ReturnType<typeof recordingConductor>['heard']
  readonly given: ReturnType<typeof recordingConductor>['given']
  readonly compute: ReturnType<typeof createCompute>
  send(command: Command): Promise<void>
  /** The outcome of a command, once it is told. */
  outcome(command: Command): Promise<CommandOutcome>
}

async function withCompute(
  body: (rig: Rig) => Promise<void>,
  options: { config?: Partial<ComputeConfig>; before?: (rig: Rig) => Promise<void> } = {},
): Promise<void> {
  const bus = createInProcessBus()
  const { heard, given, handlers } = recordingConductor()
  const driver = createSimulatedDriver({ clock: systemClock, vcpus: 8, memoryMb: 16_384, diskGb: 100 })
  const placement = recordingPlacement()
  const compute = createCompute({
    host: HOST,
    driver,
    bus,
    placement,
    images: { download: async () => assert.fail('a simulated guest needs no image') },
    clock: systemClock,
    ids: randomIds,
    log: silentLog,
    config: { commandPollMs: 50, closeTimeoutMs: 1000, ...options.config },
  })
  const client = clientOf(computeContract, computeTopic(HOST), bus)
  const rig: Rig = {
    bus,
    driver,
    placement,
    heard,
    given,
    compute,
    send: (command) => client.run.cast(command, command.requestId),
    outcome: (command) =>
      eventually(() => heard.outcomes.get(command.id)?.[0], { what: `the outcome of ${command.kind}` }),
  }
  await serveContract(conductorContract, CONDUCTOR_TOPIC, bus, handlers)
  await options.before?.(rig)
  await compute.start()
  try {
    await body(rig)
  } finally {
    await compute.close()
    await bus.close()
  }
}

function guestSpec(properties: Record<string, string> = {}, uuid = randomUUID() as string): GuestSpec {
  return {
    uuid,
    name: 'instance-00000001',
    displayName: 's1',
    hostname: 's1',
    projectId: 'p',
    userId: 'u',
    flavor,
    image: imageOf(Buffer.alloc(0), { properties }),
    vifs: [],
    keyName: null,
    publicKey: null,
    userData: null,
    configDrive: false,
    metadata: {},
    availabilityZone: 'nova',
    launchIndex: 0,
    reservationId: 'r-12345678',
  }
}

function command(kind: CommandKind, guest: GuestSpec, change: Partial<Command> = {}): Command {
  return {
    id: randomUUID(),
    kind,
    instanceUuid: guest.uuid,
    requestId: 'req-1',
    deadline: Date.now() + 60_000,
    guest,
    args: {},
    ...change,
  }
}

const expected = (uuid: string, change: Partial<ExpectedGuest> = {}): ExpectedGuest => ({
  uuid,
  vmState: 'active',
  taskState: null,
  powerState: POWER_STATES.running,
  deleted: false,
  ...change,
})

const ok = (powerState?: number) => ({ ok: true, result: powerState === undefined ? {} : { powerState } })

test('a compute registers its service, its node, its provider with inventory and traits', async () => {
  await withCompute(async ({ heard, placement }) => {
    assert.equal(heard.services >= 1, true)
    const [provider] = placement.providers
    assert.equal(provider?.uuid, NODE_UUID)
    assert.deepEqual(provider.inventories['VCPU'], {
      total: 8,
      reserved: 0,
      minUnit: 1,
      maxUnit: 8,
      stepSize: 1,
      allocationRatio: 4,
    })
    assert.equal(provider.inventories['MEMORY_MB']?.reserved, 512)
    assert.ok(provider.traits.includes('COMPUTE_NODE'))
    const node = heard.nodes.at(-1)
    assert.deepEqual([node?.vcpusUsed, node?.memoryMbUsed, node?.localGbUsed], [3, 1024, 3])
    assert.equal(node?.hypervisorHostname, HOST)
  })
})

test('a guest is built, stopped, started, rebooted and destroyed by commands', async () => {
  await withCompute(async ({ send, outcome, driver }) => {
    const guest = guestSpec()
    const steps = [
      ['build', ok(POWER_STATES.running)],
      ['stop', ok(POWER_STATES.shutdown)],
      ['start', ok(POWER_STATES.running)],
      ['reboot', ok(POWER_STATES.running)],
      ['destroy', ok()],
    ] as const
    for (const [kind, result] of steps) {
      const told = command(kind, guest)
      await send(told)
      assert.deepEqual(await outcome(told), result)
    }
    assert.deepEqual(await driver.list(), [])
  })
})

test('a command whose hint was lost is found by asking; sent many times, it is done once', async () => {
  const lost = command('build', guestSpec({ kilonova_sim_spawn_ms: '120' }))
  await withCompute(
    async ({ send, outcome, heard, given }) => {
      await send(lost)
      await send(lost)
      assert.deepEqual(await outcome(lost), ok(POWER_STATES.running))
      await eventually(() => given.pending.length === 0)
      assert.equal(heard.outcomes.get(lost.id)?.length, 1)
    },
    { before: async ({ given }) => void (given.pending = [lost]) },
  )
})

test('a result is told until the conductor takes it', async () => {
  await withCompute(async ({ send, outcome, given, heard }) => {
    given.refusals = 1
    const told = command('build', guestSpec())
    await send(told)
    assert.deepEqual(await outcome(told), ok(POWER_STATES.running))
    assert.equal(heard.outcomes.get(told.id)?.length, 1)
  })
})

test('a failure says what an owner may read, whether another host may do better, and the rest to administrators', async () => {
  await withCompute(async ({ send, outcome }) => {
    const fails = async (kind: CommandKind, properties: Record<string, string>) => {
      const guest = guestSpec({ kilonova_sim_fail: kind, ...properties })
      if (kind !== 'build') await outcome(await sent(command('build', guest)))
      const result = await outcome(await sent(command(kind, guest)))
      assert.ok(!result.ok)
      return result
    }
    const sent = async (each: Command) => (await send(each), each)
    const spawn = await fails('build', { kilonova_sim_fail: 'spawn' })
    assert.deepEqual([spawn.message, spawn.retryable], ['Simulated failure of spawn', true])
    assert.match(spawn.details, /SpawnFailed: Simulated failure of spawn\n.*at /s)
    const refused = await fails('build', { kilonova_sim_fail: 'spawn', kilonova_sim_fail_kind: 'refused' })
    assert.equal(refused.retryable, false)
    const absent = command('reboot', guestSpec())
    await send(absent)
    const reboot = await outcome(absent)
    assert.ok(!reboot.ok)
    assert.deepEqual([reboot.message, reboot.retryable], ['The server could not be rebooted.', false])
    assert.match(reboot.details, /is not on this host/)
    assert.equal((await fails('stop', {})).retryable, false)
  })
})

test('a destroy does not wait for the build it ends, nor for builds in the queue', async () => {
  await withCompute(
    async ({ send, outcome, driver }) => {
      const [building, queued] = [guestSpec({ kilonova_sim_spawn_ms: '60000' }), guestSpec()]
      const commands = [command('build', building), command('build', queued)]
      for (const each of commands) await send(each)
      for (const guest of [queued, building]) {
        const destroy = command('destroy', guest)
        await send(destroy)
        assert.deepEqual(await outcome(destroy), ok())
      }
      for (const each of commands) assert.equal((await outcome(each)).ok, false)
      assert.deepEqual(await driver.list(), [])
    },
    { config: { maxConcurrentBuilds: 1 } },
  )
})

test('what comes too late is refused, but for a destroy', async () => {
  await withCompute(async ({ send, outcome }) => {
    const [build, destroy] = (['build', 'destroy'] as const).map((kind) =>
      command(kind, guestSpec(), { deadline: 1 }),
    )
    assert.ok(build && destroy)
    await send(build)
    await send(destroy)
    assert.equal((await outcome(build)).ok, false)
    assert.deepEqual(await outcome(destroy), ok())
  })
})

test('after a start guests that should run are resumed, deleted ones destroyed, changed ones told, strangers left alone', async () => {
  const [down, off, deleted, changed, stranger, busy] = [1, 2, 3, 4, 5, 6].map(() => guestSpec())
  assert.ok(down && off && deleted && changed && stranger && busy)
  const source = { open: () => assert.fail('no image is needed') }
  await withCompute(
    async ({ heard, driver }) => {
      await eventually(() => heard.resumed.length > 0 && heard.power.length > 0)
      await eventually(async () => (await driver.info(deleted.uuid)) === undefined)
      assert.deepEqual(heard.resumed, [down.uuid])
      assert.deepEqual(heard.power, [
        { host: HOST, instanceUuid: changed.uuid, powerState: POWER_STATES.running },
      ])
      assert.ok(await driver.info(stranger.uuid))
    },
    {
      config: { resumeGuests: true },
      before: async ({ driver, given }) => {
        for (const guest of [down, off, deleted, changed, stranger, busy])
          await driver.spawn({ ...guest, configDrive: null }, source)
        for (const guest of [down, off, busy]) await driver.powerOff(guest.uuid, 0)
        given.expected = [
          expected(down.uuid),
          expected(off.uuid, { vmState: 'stopped', powerState: POWER_STATES.shutdown }),
          expected(deleted.uuid, { deleted: true, vmState: 'deleted' }),
          expected(changed.uuid, { powerState: POWER_STATES.paused }),
          expected(busy.uuid, { taskState: 'powering-off' }),
        ]
      },
    },
  )
})

test('without resuming, a guest found down is told as it is', async () => {
  const guest = guestSpec()
  await withCompute(
    async ({ heard }) => {
      await eventually(() => heard.power.length > 0)
      assert.deepEqual(heard.power[0], {
        host: HOST,
        instanceUuid: guest.uuid,
        powerState: POWER_STATES.shutdown,
      })
      assert.deepEqual(heard.resumed, [])
    },
    {
      before: async ({ driver, given }) => {
        await driver.spawn({ ...guest, configDrive: null }, { open: () => assert.fail() })
        await driver.powerOff(guest.uuid, 0)
        given.expected = [expected(guest.uuid)]
      },
    },
  )
})

test('a guest that powers itself off is told at once', async () => {
  await withCompute(async ({ send, outcome, heard }) => {
    const build = command('build', guestSpec({ kilonova_sim_power_off_ms: '30' }))
    await send(build)
    await outcome(build)
    await eventually(() => heard.power.length === 1)
    assert.deepEqual(heard.power, [
      { host: HOST, instanceUuid: build.instanceUuid, powerState: POWER_STATES.shutdown },
    ])
  })
})

test('what a build changed is told soon, and so is a guest that powers itself off while a command is at work', async () => {
  await withCompute(
    async ({ send, outcome, heard, given }) => {
      const reports = heard.nodes.length
      const guest = guestSpec({ kilonova_sim_power_off_ms: '30', kilonova_sim_stop_ms: '100' })
      const build = command('build', guest)
      given.refusals = 1
      await send(build)
      await outcome(build)
      await eventually(() => heard.nodes.length > reports)
      // A stop is at work when the guest powers itself off; what the conductor believes is compared afterwards.
      const [start, stop] = [command('start', guest), command('stop', guest, { args: { timeoutMs: 0 } })]
      await send(start)
      await outcome(start)
      given.expected = [expected(guest.uuid)]
      await send(stop)
      await eventually(() => heard.power.length > 0)
      assert.equal(heard.power[0]?.powerState, POWER_STATES.shutdown)
    },
    { config: { catchUpMs: 20 } },
  )
})

test('a console is described, and its absence told in the words of the API', async () => {
  await withCompute(async ({ bus, send, outcome }) => {
    const client = clientOf(computeContract, computeTopic(HOST), bus)
    const build = command('build', guestSpec())
    await send(build)
    await outcome(build)
    const { instanceUuid } = build
    assert.equal((await client.console.call({ instanceUuid, type: 'vnc' }, 'req-1')).host, '127.0.0.1')
    const { outputBase64 } = await client.consoleOutput.call({ instanceUuid, maxBytes: 1000 }, 'req-1')
    assert.match(Buffer.from(outputBase64, 'base64').toString(), /login: $/)
    await assert.rejects(client.console.call({ instanceUuid, type: 'serial' }, 'req-1'), {
      kind: 'badRequest',
    })
    await assert.rejects(client.console.call({ instanceUuid: randomUUID(), type: 'vnc' }, 'req-1'), {
      kind: 'notFound',
    })
  })
})

test('after its guests are stopped a compute takes nothing more in', async () => {
  await withCompute(async ({ compute, send, driver, heard }) => {
    await compute.stopGuests()
    await send(command('build', guestSpec()))
    await compute.close()
    assert.deepEqual(await driver.list(), [])
    assert.equal(heard.outcomes.size, 0)
  })
})
