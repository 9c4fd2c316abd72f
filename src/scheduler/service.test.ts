/** The scheduler on the bus, over a real database: what it sees of hosts is as fresh as the request. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { createInProcessBus } from '#bus/in-process.ts'
import { clientOf } from '#contracts/contract.ts'
import { SCHEDULER_TOPIC, schedulerContract } from '#contracts/scheduler.ts'
import { insertAggregate, insertAggregateHost } from '#db/aggregates.ts'
import { reportComputeNode } from '#db/compute-nodes.ts'
import { openDatabase } from '#db/kit/index.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
import type { NovaDb } from '#db/schema.ts'
import { reportService, updateService } from '#db/services.ts'
import type { Clock } from '#lib/clock.ts'
import { silentLog } from '#lib/log.ts'
import type { AllocationRequest } from '#neighbours/placement/port.ts'
import { createScheduler } from './index.ts'
import { createSnapshots } from './snapshot.ts'

suite('the scheduler as a service', async () => {
  const database = openDatabase('sqlite://')
  await database.migrate('nova', NOVA_MIGRATIONS)
  const db = database.typed<NovaDb>()
  let now = 1_000_000
  const clock: Clock = { now: () => now, sleep: async () => {} }
  after(() => database.close())

  const addHost = async (host: string) => {
    const uuid = `node-${host}`
    await reportService(
      db,
      { uuid: `service-${host}`, binary: 'nova-compute', host, topic: 'compute', version: 1 },
      { now },
    )
    await reportComputeNode(
      db,
      {
        uuid,
        host,
        hypervisorHostname: host,
        hypervisorType: 'QEMU',
        hypervisorVersion: 1,
        hostIp: '127.0.0.1',
        vcpus: 4,
        vcpusUsed: 0,
        memoryMb: 1024,
        memoryMbUsed: 0,
        localGb: 10,
        localGbUsed: 0,
        diskAvailableLeast: null,
        runningVms: 0,
        cpuInfo: {},
        supportedInstances: [['x86_64', 'qemu', 'hvm']],
        uptimeSeconds: null,
        cpuAllocationRatio: 1,
        ramAllocationRatio: 1,
        diskAllocationRatio: 1,
        traits: [],
      },
      { now },
    )
    return uuid
  }

  test('a snapshot sees what was just disabled, and joins zones to hosts', async () => {
    const uuid = await addHost('one')
    const snapshots = createSnapshots({ db: database, clock, defaultAvailabilityZone: 'nova' })
    assert.equal((await snapshots.take()).hosts.get(uuid)?.availabilityZone, 'nova')
    await updateService(db, 'service-one', { disabled: true }, { now })
    const { id } = await insertAggregate(
      db,
      { uuid: 'agg', name: 'agg', metadata: { availability_zone: 'az1' } },
      { now },
    )
    await insertAggregateHost(db, id, 'one', { now })
    const host = (await snapshots.take()).hosts.get(uuid)
    assert.deepEqual([host?.service?.disabled, host?.availabilityZone], [true, 'az1'])
  })

  test('a new node is there for whoever asks anew, and for everybody after a moment', async () => {
    const snapshots = createSnapshots({ db: database, clock, defaultAvailabilityZone: 'nova' })
    await snapshots.take()
    const uuid = await addHost('two')
    assert.equal((await snapshots.refresh()).hosts.has(uuid), true)
    const three = await addHost('three')
    now += 1_000
    assert.equal((await snapshots.take()).hosts.has(three), true)
  })

  test('those who ask at once share a read, and one that fails does not spoil the next', async () => {
    let reads = 0
    let broken = true
    const counting = {
      ...database,
      typed: <DB>() =>
        new Proxy(database.typed<DB>(), {
          get(target, name) {
            if (name === 'selectFrom') reads += 1
            if (name === 'selectFrom' && broken) throw new Error('the database is away')
            const value: unknown = Reflect.get(target, name)
            return typeof value === 'function' ? (value as () => unknown).bind(target) : value
          },
        }),
    }
    const snapshots = createSnapshots({ db: counting, clock, defaultAvailabilityZone: 'nova' })
    await assert.rejects(snapshots.take(), /the database is away/)
    broken = false
    await snapshots.take()
    const alone = reads
    await Promise.all(Array.from({ length: 20 }, () => snapshots.take()))
    assert.ok(reads - alone < 2 * alone, `${reads - alone} reads for twenty who asked at once`)
  })

  test('answers on the bus, with a host that it claimed', async () => {
    const bus = createInProcessBus()
    const claimed: AllocationRequest[] = []
    const uuid = await addHost('four')
    const scheduler = createScheduler({
      db: database,
      bus,
      clock,
      log: silentLog,
      random: () => 0,
      placement: {
        candidates: async ({ resources }) => ({
          candidates: [{ allocations: { [uuid]: { resources } } }],
          providers: {},
        }),
        claim: async (_consumer, allocations) => claimed.push(allocations) > 0,
        claimAll: async () => assert.fail('one question claims alone'),
      },
    })
    await scheduler.start()
    const reply = await clientOf(schedulerContract, SCHEDULER_TOPIC, bus).select.call(
      {
        context: { requestId: 'req-1', userId: 'u', projectId: 'p', roles: [] },
        spec: {
          flavor: { vcpus: 1, memoryMb: 64, rootGb: 1, ephemeralGb: 0, swapMb: 0, extraSpecs: {} },
          imageProperties: {},
          isVolumeBacked: false,
          projectId: 'p',
          availabilityZone: null,
          forceHost: null,
          forceNode: null,
          ignoreHosts: [],
          schedulerHints: {},
        },
        instanceUuids: ['i1'],
      },
      'req-1',
    )
    const allocations = { [uuid]: { resources: { VCPU: 1, MEMORY_MB: 64, DISK_GB: 1 } } }
    assert.deepEqual(reply.selections, [
      [{ host: 'four', node: 'four', providerId: uuid, availabilityZone: 'nova', allocations }],
    ])
    assert.deepEqual(claimed, [allocations])
    await scheduler.close()
    await bus.close()
  })
})
