/** Operations and commands on every database: leases exclude, wake-ups are not lost, outcomes are written once. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { GuestSpec } from '#contracts/compute.ts'
import {
  findCommand,
  finishCommand,
  insertCommand,
  listPendingCommands,
  withdrawCommands,
} from '#db/commands.ts'
import { insertInstances, removeInstance } from '#db/instances.ts'
import {
  breakLeases,
  cancelOperationsOf,
  findBuildParams,
  findOperation,
  insertOperations,
  listLiveOperations,
  purgeOperations,
  wakeOperation,
} from '#db/operations.ts'
import { operationsJournal } from '#db/operations-journal.ts'
import {
  countStuckOperations,
  listAbandonedInstances,
  listDeletedBetween,
  listGuestStates,
  withLiveOperation,
} from '#db/operation-subjects.ts'
import type { NovaDb } from '#db/schema.ts'
import { systemClock } from '#lib/clock.ts'
import { LeaseLost, type Progress } from '#lib/saga/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import { buildParams } from '../small-cloud.ts'
import { openStores, type TestStore } from './db.ts'
import { newInstance } from './fixtures.ts'

const stores = await openStores()

const context: RequestContext = { requestId: 'req-1', userId: 'ada', projectId: 'p', roles: ['member'] }
const PROGRESS: Progress = {
  direction: 'forward',
  step: 'spawn',
  announced: true,
  beganAt: 5,
  tries: 0,
  attempt: 1,
  outputs: { schedule: { host: 'ż' } },
  earlier: [],
  goal: null,
  failure: null,
  leftBehind: [],
}

/** Sagas are claimed by name: one of the test's own keeps tests apart. */
async function setUp({ database, db }: TestStore, count = 1, at = 10) {
  const saga = `saga-${randomUUID()}` as 'stop-server'
  const instanceUuid = randomUUID()
  const operations = Array.from({ length: count }, () => ({
    id: randomUUID(),
    saga,
    instanceUuid,
    context,
    params: {},
  }))
  await insertOperations(db, operations, { now: at })
  const journal = operationsJournal(database, { ...systemClock, now: () => 1_000 })
  const claim = (owner: string, now: number, limit = 10) =>
    journal.claim({ owner, sagas: [saga], now, leaseUntil: now + 100, limit })
  const ids = operations.map(({ id }) => id)
  return { saga, instanceUuid, ids, id: ids[0] ?? '', journal, claim }
}

for (const store of stores) {
  const { name, db, database } = store

  test(`${name}: of many who claim at once, one gets each operation, and none gets more than it asked for`, async () => {
    const { claim, ids } = await setUp(store, 20)
    assert.deepEqual(await claim('early', 9), [])
    const claims = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((owner) => claim(owner, 20, 6)))
    assert.ok(claims.every((claimed) => claimed.length <= 6))
    const rest = await claim('f', 20)
    const all = [...claims.flat(), ...rest].map(({ id }) => id)
    assert.equal(all.length, 20)
    assert.deepEqual(new Set(all), new Set(ids))
  })

  test(`${name}: a lease excludes others until it ends, and who lost it writes nothing`, async () => {
    const { claim, journal, id } = await setUp(store)
    const [claimed] = await claim('a', 20)
    assert.deepEqual(claimed?.context, context)
    assert.equal(claimed?.progress, null)
    assert.deepEqual(await claim('b', 100), [])
    assert.deepEqual(await journal.renew('a', [id, randomUUID()], 300), new Set([id]))
    assert.deepEqual(await claim('b', 299), [])
    assert.equal((await claim('b', 300)).length, 1)
    assert.deepEqual(await journal.renew('a', [id], 900), new Set())
    const write = (owner: string) =>
      journal.transaction((trx) => journal.save(trx, owner, id, { status: 'live', progress: PROGRESS }))
    await assert.rejects(write('a'), LeaseLost)
    await write('b')
    await journal.release('a', id)
    assert.deepEqual(await claim('c', 350), [])
    await journal.release('b', id)
    const [again] = await claim('c', 1_000)
    assert.deepEqual(again?.progress, PROGRESS)
  })

  test(`${name}: a wake-up while an operation is about to park is not lost`, async () => {
    const { claim, journal, id } = await setUp(store)
    const [claimed] = await claim('a', 20)
    const park = (wakesSeen: number) =>
      journal.transaction((trx) =>
        journal.save(trx, 'a', id, { status: 'parked', progress: PROGRESS, wakeAt: 9_000, wakesSeen }),
      )
    await park(claimed?.wakes ?? -1)
    assert.deepEqual(await claim('a', 8_999), [])
    await wakeOperation(db, id, { now: 2_000 })
    const [woken] = await claim('a', 2_000)
    assert.ok(woken)
    await wakeOperation(db, id, { now: 2_001 })
    const { wakes } = await park(woken.wakes)
    assert.equal(wakes, woken.wakes + 1)
    assert.equal((await claim('a', 2_001)).length, 1, 'due at once: it was woken meanwhile')
  })

  test(`${name}: what a transaction writes with a step is rolled back with it`, async () => {
    const { claim, journal, id } = await setUp(store)
    await claim('a', 20)
    const failing = journal.transaction(async (trx) => {
      await journal.save(trx, 'a', id, { status: 'ended', progress: PROGRESS, ending: 'done' })
      throw new Error('no')
    })
    await assert.rejects(failing, /no/)
    assert.equal((await findOperation(db, id))?.status, 'live')
  })

  test(`${name}: cancelling spares the one who asks, and an operation that ends wakes its siblings`, async () => {
    const { claim, journal, id, ids, instanceUuid } = await setUp(store, 2)
    const other = ids[1] ?? ''
    assert.deepEqual(await cancelOperationsOf(db, instanceUuid, { now: 30, but: id }), [other])
    assert.deepEqual(await cancelOperationsOf(db, instanceUuid, { now: 30, but: id }), [], 'once')
    const claimed = await claim('a', 40)
    assert.deepEqual(
      new Map(claimed.map((one) => [one.id, one.cancelled])),
      new Map([
        [id, false],
        [other, true],
      ]),
    )
    await journal.transaction((trx) =>
      journal.save(trx, 'a', other, { status: 'ended', progress: PROGRESS, ending: 'cancelled' }),
    )
    const live = await listLiveOperations(db, instanceUuid)
    assert.deepEqual(
      live.map((one) => one.id),
      [id],
    )
    const before = claimed.find((one) => one.id === id)?.wakes ?? -1
    const { wakes } = await journal.transaction((trx) =>
      journal.save(trx, 'a', id, { status: 'live', progress: PROGRESS }),
    )
    assert.equal(wakes, before + 1)
  })

  test(`${name}: ended operations are purged after a while, with their commands; leases can be broken`, async () => {
    const { claim, journal, id, ids } = await setUp(store, 2)
    await claim('a', 20)
    await journal.transaction((trx) =>
      journal.save(trx, 'a', id, { status: 'ended', progress: PROGRESS, ending: 'failed' }),
    )
    await purgeOperations(db, { before: 1_000, limit: 100 })
    assert.equal((await findOperation(db, id))?.status, 'failed')
    await purgeOperations(db, { before: 1_001, limit: 100 })
    assert.equal(await findOperation(db, id), undefined)
    assert.ok((await breakLeases(db)) >= 1)
    assert.deepEqual(
      (await claim('b', 21)).map((one) => one.id),
      [ids[1]],
    )
  })

  test(`${name}: a command is stored once, answered once, by its host; a withdrawn one never`, async () => {
    const { id: operationId, instanceUuid } = await setUp(store)
    const host = `host-${randomUUID()}`
    const guest = { uuid: instanceUuid, userData: 'ąę' } as GuestSpec
    const command = {
      id: randomUUID(),
      kind: 'stop',
      instanceUuid,
      requestId: 'req-1',
      deadline: 99,
      guest,
      args: { timeoutMs: 5 },
    } as const
    const told = { ...command, operationId, host }
    await insertCommand(db, told, { now: 1 })
    await insertCommand(db, { ...told, args: {} }, { now: 2 })
    assert.deepEqual(await listPendingCommands(db, host), [command])
    const before = (await findOperation(db, operationId))?.wakeAt
    const finish = (at: string, ok: boolean) =>
      database.transaction<NovaDb, boolean>((trx) => {
        const outcome = ok
          ? { ok, result: { n: 1 } }
          : ({ ok, message: '', details: '', retryable: true } as const)
        return finishCommand(trx, { commandId: command.id, host: at, outcome }, { now: 3 })
      })
    assert.equal(await finish('elsewhere', true), false)
    assert.deepEqual([await finish(host, true), await finish(host, false)], [true, false])
    assert.deepEqual((await findCommand(db, command.id))?.outcome, { ok: true, result: { n: 1 } })
    assert.notEqual((await findOperation(db, operationId))?.wakeAt, before)
    assert.deepEqual(await listPendingCommands(db, host), [])

    await insertCommand(db, { ...told, id: 'w'.concat(command.id) }, { now: 4 })
    await withdrawCommands(db, operationId, { now: 5, kind: 'build' })
    assert.equal((await listPendingCommands(db, host)).length, 1)
    await withdrawCommands(db, operationId, { now: 5, kind: 'stop' })
    assert.deepEqual(await listPendingCommands(db, host), [])
  })

  test(`${name}: what repair looks over`, async () => {
    const host = `host-${randomUUID()}`
    const busy = newInstance({ host, taskState: 'powering-off' })
    const abandoned = newInstance({ host, taskState: 'rebooting' })
    const gone = newInstance({ host })
    await insertInstances(db, [busy, abandoned, gone], { now: 10 })
    await removeInstance(db, gone.uuid, { now: 1_000_000_000 })
    const operation = {
      id: randomUUID(),
      saga: 'build-server',
      instanceUuid: busy.uuid,
      context,
      params: buildParams(),
    } as const
    await insertOperations(db, [operation], { now: 10 })

    assert.deepEqual(await findBuildParams(db, busy.uuid), buildParams())
    assert.equal(await findBuildParams(db, abandoned.uuid), undefined)
    const all = [busy, abandoned, gone].map(({ uuid }) => uuid)
    assert.deepEqual(await withLiveOperation(db, all), new Set([busy.uuid]))
    const found = (await listAbandonedInstances(db, { before: 11, limit: 100 })).map(({ uuid }) => uuid)
    assert.deepEqual(
      all.filter((uuid) => found.includes(uuid)),
      [abandoned.uuid],
    )
    const deleted = await listDeletedBetween(db, { after: 999_999_999, until: 1_000_000_000, limit: 100 })
    assert.deepEqual(deleted, [{ uuid: gone.uuid, deletedAt: 1_000_000_000 }])
    const states = await listGuestStates(db, { host, uuids: [gone.uuid, randomUUID()] })
    assert.deepEqual(
      new Map(states.map((state) => [state.uuid, state.deleted])),
      new Map([
        [busy.uuid, false],
        [abandoned.uuid, false],
        [gone.uuid, true],
      ]),
    )
    assert.ok((await countStuckOperations(db, { before: 11 })) >= 1)
  })
}
