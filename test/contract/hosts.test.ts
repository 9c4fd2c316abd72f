/** Services, compute nodes and aggregates on every database. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { processId } from '#contracts/conductor.ts'
import {
  availabilityZones,
  findAvailabilityZone,
  getAggregate,
  insertAggregate,
  insertAggregateHost,
  listAggregates,
  removeAggregate,
  removeAggregateHost,
  updateAggregate,
} from '#db/aggregates.ts'
import { getComputeNode, listComputeNodes, removeComputeNodes, reportComputeNode } from '#db/compute-nodes.ts'
import {
  findServiceOnHost,
  getService,
  leaveService,
  listServices,
  removeService,
  reportService,
  updateService,
} from '#db/services.ts'
import type { ComputeNode } from '#model/host/index.ts'
import { openStores } from './db.ts'

const stores = await openStores()

for (const { name, db } of stores) {
  test(`${name}: services: many reports at once are one service, which keeps what an admin said`, async () => {
    const host = randomUUID()
    const report = (version: number, now: number) =>
      reportService(
        db,
        { uuid: randomUUID(), host, binary: 'nova-compute', topic: 'compute', version },
        { now },
      )
    const reported = await Promise.all(Array.from({ length: 10 }, () => report(1, 1)))
    const [{ uuid } = { uuid: '' }] = reported
    assert.equal(new Set(reported.map((service) => service.uuid)).size, 1)
    await updateService(db, uuid, { disabled: true, disabledReason: 'broken', forcedDown: true }, { now: 2 })
    const after = await report(2, 3)
    assert.deepEqual(
      [after.uuid, after.version, after.disabled, after.disabledReason, after.forcedDown, after.lastSeenUp],
      [uuid, 2, true, 'broken', true, 3],
    )
    assert.deepEqual(await listServices(db, { host, disabled: true }), [after])
    assert.deepEqual(await listServices(db, { host, disabled: false }), [])
    assert.deepEqual(await findServiceOnHost(db, host, 'nova-compute'), after)
    assert.deepEqual(await getService(db, after.id), after)
    await removeService(db, uuid)
    await assert.rejects(getService(db, uuid), {
      kind: 'notFound',
      message: `Service ${uuid} could not be found.`,
    })
    await assert.rejects(updateService(db, uuid, { disabled: true }, { now: 2 }), { kind: 'notFound' })
  })

  test(`${name}: services: one process speaks for a service until it leaves, or is silent for long`, async () => {
    const host = randomUUID()
    const service = { host, binary: 'nova-compute', topic: 'compute', version: 1 }
    const report = (now: number, identity: string, id: string, begins: boolean) =>
      reportService(
        db,
        { ...service, uuid: randomUUID() },
        { now, silentMs: 60, process: { identity, id, begins } },
      )
    const refused = { kind: 'conflict', code: 'service.taken' }
    await report(0, 'a', 'a1', true)
    await report(10, 'a', 'a1', false)
    await assert.rejects(report(20, 'b', 'b1', true), refused)
    assert.equal((await findServiceOnHost(db, host, 'nova-compute'))?.lastSeenUp, 10)
    await report(30, 'a', 'a2', true)
    await assert.rejects(report(40, 'a', 'a1', false), refused)
    await assert.rejects(report(90, 'b', 'b1', true), refused)
    await report(91, 'b', 'b1', true)
    await assert.rejects(report(92, 'a', 'a2', false), refused)
    await leaveService(db, service, 'a2')
    await assert.rejects(report(93, 'a', 'a3', true), refused, 'who speaks no more says goodbye for nobody')
    await leaveService(db, service, 'b1')
    await report(94, 'a', 'a3', true)
    const [older, newer] = [processId(1_000, 'x'), processId(2_000, 'a')]
    await report(95, 'a', newer, true)
    await assert.rejects(report(96, 'a', older, true), refused, 'what an older process said comes too late')
    // Services of which there may be several name no process.
    await reportService(db, { ...service, uuid: randomUUID() }, { now: 97 })
    await assert.rejects(report(98, 'b', 'b1', true), refused)
  })

  test(`${name}: compute nodes: known by host and hostname, found by part of it`, async () => {
    const [host, tag] = [randomUUID(), randomUUID().slice(0, 8)]
    const node: Omit<ComputeNode, 'id' | 'createdAt' | 'updatedAt'> = {
      uuid: randomUUID(),
      host,
      hypervisorHostname: `Node_%${tag}`,
      hypervisorType: 'QEMU',
      hypervisorVersion: 7_002_000,
      hostIp: '127.0.0.1',
      vcpus: 2,
      vcpusUsed: 1,
      memoryMb: 2048,
      memoryMbUsed: 512,
      localGb: 10,
      localGbUsed: 0,
      diskAvailableLeast: null,
      runningVms: 0,
      failedBuilds: 2,
      cpuInfo: { arch: 'x86_64', topology: { cores: 2 } },
      supportedInstances: [['x86_64', 'qemu', 'hvm']],
      uptimeSeconds: 12,
      cpuAllocationRatio: 16.5,
      ramAllocationRatio: 1.5,
      diskAllocationRatio: 1,
      traits: ['HW_CPU_X86_AVX'],
    }
    const first = await reportComputeNode(db, node, { now: 1 })
    assert.deepEqual(first, { ...node, id: first.id, createdAt: 1, updatedAt: null })
    const again = await reportComputeNode(db, { ...node, uuid: randomUUID(), vcpusUsed: 2 }, { now: 2 })
    assert.deepEqual(again, { ...first, vcpusUsed: 2, updatedAt: 2 })
    const other = await reportComputeNode(
      db,
      { ...node, uuid: randomUUID(), hypervisorHostname: `nodex${tag}` },
      { now: 2 },
    )
    assert.deepEqual(await listComputeNodes(db, { hostnameContains: `node_%${tag}` }), [again])
    assert.deepEqual(await listComputeNodes(db, { host }, { marker: first.uuid }), [other])
    assert.deepEqual(await listComputeNodes(db, { host }, { marker: first.id, limit: 1 }), [other])
    assert.deepEqual(await listComputeNodes(db, { host, uuids: [] }), [])
    assert.deepEqual(await removeComputeNodes(db, host, [first.uuid]), [first.uuid])
    await assert.rejects(getComputeNode(db, first.uuid), { kind: 'notFound' })
    assert.deepEqual(await removeComputeNodes(db, host), [other.uuid])
  })

  test(`${name}: aggregates: hosts, metadata, and the zones they make`, async () => {
    const [host, zone] = [randomUUID(), randomUUID()]
    const add = (metadata: Record<string, string>) =>
      insertAggregate(db, { uuid: randomUUID(), name: randomUUID(), metadata }, { now: 1 })
    const aggregate = await add({ availability_zone: zone, ssd: 'true' })
    const plain = await add({})
    await insertAggregateHost(db, aggregate.id, host, { now: 2 })
    const both = await insertAggregateHost(db, plain.id, host, { now: 2 })
    assert.deepEqual(await listAggregates(db, { host }), [{ ...aggregate, hosts: [host] }, both])
    assert.equal((await availabilityZones(db)).get(host), zone)
    assert.equal(await findAvailabilityZone(db, host), zone)
    await assert.rejects(insertAggregateHost(db, plain.id, host, { now: 2 }), {
      kind: 'conflict',
      message: `Aggregate ${plain.id} already has host ${host}.`,
    })
    await assert.rejects(updateAggregate(db, plain.id, { name: aggregate.name }, { now: 3 }), {
      kind: 'conflict',
      message: `Aggregate ${aggregate.name} already exists.`,
    })
    const changed = await updateAggregate(db, aggregate.id, { metadata: { ssd: null, gpu: '1' } }, { now: 3 })
    assert.deepEqual(changed.metadata, { availability_zone: zone, gpu: '1' })
    assert.equal(changed.updatedAt, null, 'only a new name is an update, as in Nova')
    const renamed = await updateAggregate(db, plain.id, { name: randomUUID() }, { now: 3 })
    assert.equal(renamed.updatedAt, 3)
    assert.deepEqual(await getAggregate(db, changed.uuid), changed)
    await removeAggregateHost(db, plain.id, host, { now: 4 })
    await assert.rejects(removeAggregateHost(db, plain.id, host, { now: 4 }), { kind: 'notFound' })
    await removeAggregate(db, aggregate.id)
    assert.equal(await findAvailabilityZone(db, host), undefined)
    const missing = { kind: 'notFound', message: `Aggregate ${aggregate.id} could not be found.` }
    await assert.rejects(removeAggregate(db, aggregate.id), missing)
    await assert.rejects(insertAggregateHost(db, aggregate.id, host, { now: 4 }), missing)
  })
}
