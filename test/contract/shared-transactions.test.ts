/** Transactions that many share: each is as sure of its own as alone, on every database. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { GuestSpec } from '#contracts/compute.ts'
import { findCommand, finishCommand, insertCommand } from '#db/commands.ts'
import {
  finishActionEvent,
  finishInstanceAction,
  getInstanceAction,
  insertInstanceActions,
  listActionEvents,
  startActionEvent,
} from '#db/instance-actions.ts'
import { endInstance, findInstance, insertInstances, touchInstance } from '#db/instances.ts'
import { createSharedTransactions, requireOwnTransaction } from '#db/kit/index.ts'
import { operationsJournal } from '#db/operations-journal.ts'
import { findOperation, insertOperations } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { systemClock } from '#lib/clock.ts'
import { LeaseLost, type Progress } from '#lib/saga/index.ts'
import { POWER_STATES, TASK_STATES } from '#model/instance/index.ts'
import { openStores, type TestStore } from './db.ts'
import { newInstance } from './fixtures.ts'

const stores = await openStores()

/** Enough of them at once for most to be in company. */
const MANY = 12

async function instancesOf({ db }: TestStore, count = MANY): Promise<string[]> {
  const made = Array.from({ length: count }, () =>
    newInstance({ uuid: randomUUID(), vmState: 'building', taskState: 'scheduling' }),
  )
  await insertInstances(db, made, { now: 1 })
  return made.map(({ uuid }) => uuid)
}

class Unwanted extends Error {}

for (const store of stores) {
  const { name, db, database } = store
  const together = createSharedTransactions<NovaDb>(database, systemClock)

  test(`${name}: what fails in company is undone, and nothing else is`, async () => {
    const uuids = await instancesOf(store)
    const settled = await Promise.allSettled(
      uuids.map((uuid, at) =>
        together(uuid, async (trx) => {
          await touchInstance(trx, uuid, { host: `host-${at}` }, { now: 5 })
          if (at === 7) throw new Unwanted()
          return at
        }),
      ),
    )
    for (const [at, uuid] of uuids.entries()) {
      const result = settled[at]
      if (at === 7) assert.ok(result?.status === 'rejected' && result.reason instanceof Unwanted)
      else assert.deepEqual(result, { status: 'fulfilled', value: at })
      assert.equal((await findInstance(db, uuid))?.host, at === 7 ? null : `host-${at}`)
    }
  })

  test(`${name}: two works on one subject, and one that asks for it, have transactions of their own`, async () => {
    const [subject = '', ...others] = await instancesOf(store)
    const ownWrite = (uuid: string, progress: number) =>
      together(uuid, async (trx) => {
        await touchInstance(trx, uuid, { progress }, { now: 6 })
        assert.equal((await findInstance(trx, uuid))?.progress, progress)
      })
    let asked = 0
    let alone = 0
    const asking = () =>
      together(randomUUID(), async (trx) => {
        asked++
        requireOwnTransaction(trx)
        alone++
      })
    await Promise.all([
      ...others.map((uuid) => ownWrite(uuid, 50)),
      ...[1, 2, 3, 4, 5].map((progress) => ownWrite(subject, progress)),
      asking(),
      asking(),
    ])
    assert.equal(alone, 2)
    assert.ok(asked > alone, 'it was asked in company first')
  })

  test(`${name}: a joined statement does for each what it does for one`, async () => {
    const uuids = await instancesOf(store)
    const [gone = '', deleting = ''] = uuids
    await endInstance(db, { uuid: gone, now: 2 })
    await touchInstance(db, deleting, { taskState: 'deleting' }, { now: 2 })
    const requestId = `req-${randomUUID()}`
    const action = { action: 'create', requestId, userId: 'ada', projectId: 'p' }
    const actions = uuids.map((instanceUuid) => ({ ...action, instanceUuid }))
    await insertInstanceActions(db, [...actions, ...actions], { now: 3 })
    const notDeleting = [null, ...TASK_STATES.filter((state) => !state.endsWith('deleting'))]
    const touched = await Promise.all(
      uuids.map((uuid) =>
        together(uuid, async (trx) => {
          const key = { instanceUuid: uuid, requestId }
          await startActionEvent(trx, key, { event: 'first', host: uuid }, { now: 10 })
          const changes = { taskState: null, vmState: 'active', powerState: POWER_STATES.running } as const
          const told = { now: 11, expect: { taskState: notDeleting } }
          const touch = await touchInstance(trx, uuid, { ...changes, host: `on ${uuid}` }, told)
          await finishActionEvent(trx, key, { event: 'first', result: 'Success' }, { now: 12, last: true })
          await finishInstanceAction(trx, key, { now: 13, ...(uuid === gone && { message: 'Error' }) })
          return touch?.host
        }),
      ),
    )
    for (const [at, uuid] of uuids.entries()) {
      const isLeft = uuid === gone || uuid === deleting
      assert.equal(touched[at], isLeft ? undefined : `on ${uuid}`)
      const instance = await findInstance(db, uuid, { deleted: 'include' })
      assert.equal(instance?.vmState, uuid === gone ? 'deleted' : uuid === deleting ? 'building' : 'active')
      const done = await getInstanceAction(db, { instanceUuid: uuid, requestId })
      assert.deepEqual([done.finishedAt, done.message], [13, uuid === gone ? 'Error' : null])
      const events = (await listActionEvents(db, done.id)).map((event) => ({ ...event, id: 0 }))
      const event = { id: 0, actionId: done.id, event: 'first', host: uuid, startedAt: 10, finishedAt: 12 }
      assert.deepEqual(events, [{ ...event, result: 'Success', details: null, traceback: null }])
    }
  })

  test(`${name}: of operations that are written together, one that was taken away fails alone`, async () => {
    const uuids = await instancesOf(store)
    const saga = `saga-${randomUUID()}` as 'stop-server'
    const context = { requestId: 'req-1', userId: 'ada', projectId: 'p', roles: [] }
    const operations = uuids.map((instanceUuid) => ({
      id: randomUUID(),
      saga,
      instanceUuid,
      context,
      params: { injected: 'secret' } as object,
    }))
    await insertOperations(db, operations, { now: 10 })
    const journal = operationsJournal(database, systemClock)
    const leased = await journal.claim({ owner: 'me', sagas: [saga], now: 20, leaseUntil: 1e13, limit: MANY })
    assert.equal(leased.length, MANY)
    const [lost, ended] = leased
    await db
      .updateTable('operations')
      .set({ lease_owner: 'you' })
      .where('id', '=', lost?.id ?? '')
      .execute()
    const progress = { step: 'spawn', outputs: {} } as Progress
    const settled = await Promise.allSettled(
      leased.map((operation) =>
        journal.transaction(async (trx) => {
          const { id, subject: instanceUuid, requestId } = operation
          const sent = {
            id: `${id}:spawn`,
            kind: 'build',
            instanceUuid,
            requestId,
            deadline: 99,
            args: {},
          } as const
          const command = { ...sent, guest: {} as GuestSpec, operationId: id, host: 'h' }
          await insertCommand(trx, command, { now: 30 })
          const entry =
            operation === ended
              ? ({ status: 'ended', ending: 'done', progress, params: { kept: 1 } } as const)
              : ({ status: 'parked', progress, wakeAt: 1e12, wakesSeen: operation.wakes } as const)
          return journal.save(trx, 'me', id, entry)
        }, operation.subject),
      ),
    )
    for (const [at, { id }] of leased.entries()) {
      const result = settled[at]
      if (id === lost?.id) assert.ok(result?.status === 'rejected' && result.reason instanceof LeaseLost)
      else assert.deepEqual(result, { status: 'fulfilled', value: { cancelled: false, wakes: 0 } })
      assert.equal((await findCommand(db, `${id}:spawn`)) === undefined, id === lost?.id)
    }
    const rows = await db.selectFrom('operations').selectAll().where('saga', '=', saga).execute()
    for (const { id, status, params, wake_at, lease_owner, progress: written } of rows) {
      const kept = id === ended?.id ? { kept: 1 } : { injected: 'secret' }
      assert.deepEqual(JSON.parse(params), kept)
      assert.equal(status, id === ended?.id ? 'done' : 'live')
      assert.equal(lease_owner, id === lost?.id ? 'you' : null)
      assert.equal(written === null, id === lost?.id)
      assert.equal(wake_at, id === lost?.id || id === ended?.id ? 10 : 1e12)
    }
    // Outcomes that come at once are each written once, and wake.
    const outcome = { ok: true, result: {} } as const
    const finish = (id: string) =>
      finishCommand(db, { commandId: `${id}:spawn`, host: 'h', outcome }, { now: 40 })
    const ids = leased.map(({ id }) => id)
    const written = await Promise.all([...ids, ...ids].map(finish))
    assert.equal(written.filter((each) => each).length, MANY - 1)
    for (const id of ids) {
      const wakeAt = (await findOperation(db, id))?.wakeAt
      assert.equal(wakeAt, id === lost?.id || id === ended?.id ? 10 : 40)
    }
  })
}
