import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { type Command, type CommandKind, computeContract, computeTopic } from '#contracts/compute.ts'
import { clientOf } from '#contracts/contract.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import { command, expected, guestSpec, HOST, NODE_UUID, ok, withCompute } from '../../test/compute-rig.ts'
import { eventually } from '../../test/eventually.ts'

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

test('every ability is a command: what it does to the guest, and the words when the driver lacks it', async () => {
  await withCompute(async ({ send, outcome, driver, uploaded }) => {
    const guest = guestSpec()
    const { running, paused, suspended, shutdown } = POWER_STATES
    const steps: readonly (readonly [CommandKind, number, Record<string, unknown>?])[] = [
      ['build', running],
      ['pause', paused],
      ['unpause', running],
      ['suspend', suspended],
      ['resume', running],
      ['rescue', running],
      ['unrescue', running],
      ['set-password', running, { adminPass: 'secret' }],
      ['dump-crash', running],
      ['inject-network-info', running],
      ['snapshot', running, { imageId: 'snap' }],
      ['prepare-live-move', running],
      ['prepare-move', shutdown, { timeoutMs: 0 }],
    ]
    for (const [kind, powerState, args] of steps) {
      const told = { ...command(kind, guest), args: args ?? {} }
      await send(told)
      assert.deepEqual(await outcome(told), ok(powerState), kind)
    }
    assert.ok((uploaded.get('snap')?.length ?? 0) > 0)
    Reflect.deleteProperty(driver, 'suspend')
    const told = command('suspend', guest)
    await send(told)
    const refused = await outcome(told)
    assert.ok(!refused.ok)
    assert.deepEqual(
      [refused.message, refused.unsupported],
      ['NotImplementedError: suspend is not implemented by this driver or guest instance.', true],
    )
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

test('a hint that comes late or twice does nothing anew', async () => {
  await withCompute(async ({ bus, send, outcome, heard, driver }) => {
    const hint = (commandId: string) =>
      clientOf(computeContract, computeTopic(HOST), bus).run.cast({ commandId }, 'req-1')
    const guest = guestSpec()
    const [build, destroy] = [command('build', guest), command('destroy', guest)]
    await send(build)
    await hint(build.id)
    await outcome(build)
    await send(destroy)
    await outcome(destroy)
    await hint(build.id)
    const last = command('build', guestSpec())
    await send(last)
    await outcome(last)
    assert.equal(await driver.info(guest.uuid), undefined)
    assert.equal(heard.outcomes.get(build.id)?.length, 1)
  })
})

test('a power state that is as believed, but not as its server wants it, is told again', async () => {
  const guest = guestSpec()
  await withCompute(
    async ({ heard }) => {
      await eventually(() => heard.power.length > 1)
      assert.equal(heard.power[0]?.powerState, POWER_STATES.shutdown)
    },
    {
      config: { syncPowerStateIntervalMs: 20 },
      before: async ({ driver, given }) => {
        await driver.spawn({ ...guest, configDrive: null }, { open: () => assert.fail() })
        await driver.powerOff(guest.uuid, 0)
        given.expected = [expected(guest.uuid, { powerState: POWER_STATES.shutdown })]
      },
    },
  )
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

test('a guest whose server was evacuated is stopped, never started, and its disk is kept', async () => {
  const [evacuated, lost] = [guestSpec(), guestSpec()]
  const source = { open: () => assert.fail('no image is needed') }
  await withCompute(
    async ({ driver, heard, given }) => {
      const off = async (uuid: string) => (await driver.info(uuid))?.powerState === POWER_STATES.shutdown
      await eventually(async () => (await off(evacuated.uuid)) || undefined, { what: 'the guest stopped' })
      // Nobody heard of the host for a while; meanwhile the other one was evacuated, too.
      given.expected = [
        expected(evacuated.uuid, { quarantined: true }),
        expected(lost.uuid, { quarantined: true }),
      ]
      given.isAway = true
      await eventually(() => given.missed > 5 || undefined, { what: 'heartbeats that nobody heard' })
      given.isAway = false
      await eventually(async () => (await off(lost.uuid)) || undefined, { what: 'the other one stopped' })
      assert.ok((await off(evacuated.uuid)) && (await driver.list()).length === 2)
      assert.deepEqual([heard.resumed, heard.power], [[], []])
    },
    {
      config: { resumeGuests: true, reportIntervalMs: 20, syncPowerStateIntervalMs: 3_600_000 },
      before: async ({ driver, given }) => {
        for (const guest of [evacuated, lost]) await driver.spawn({ ...guest, configDrive: null }, source)
        given.expected = [expected(evacuated.uuid, { quarantined: true }), expected(lost.uuid)]
      },
    },
  )
})

for (const [action, powerState] of [
  ['reap', undefined],
  ['shutdown', POWER_STATES.shutdown],
  ['log', POWER_STATES.running],
] as const)
  test(`a deleted guest that lingers: running_deleted_instance_action = ${action}`, async () => {
    const [lingering, changed] = [guestSpec(), guestSpec()]
    const source = { open: () => assert.fail('no image is needed') }
    await withCompute(
      async ({ driver, heard }) => {
        // Told last: the deleted were looked at before.
        await eventually(() => heard.power.length > 0 || undefined, { what: 'the comparison' })
        assert.equal((await driver.info(lingering.uuid))?.powerState, powerState)
      },
      {
        config: { deletedGuestAction: action },
        before: async ({ driver, given }) => {
          for (const guest of [lingering, changed])
            await driver.spawn({ ...guest, configDrive: null }, source)
          given.expected = [
            expected(lingering.uuid, { deleted: true, vmState: 'deleted' }),
            expected(changed.uuid, { powerState: POWER_STATES.paused }),
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
    const { unixPath } = await client.console.call({ instanceUuid, type: 'vnc' }, 'req-1')
    assert.ok(unixPath?.endsWith(instanceUuid))
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
