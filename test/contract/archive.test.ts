/** Deleted servers move out of the way whole, the oldest first, and go for good when they are purged. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { archiveDeleted, purgeArchived } from '#db/archive.ts'
import { insertInstanceActions, listInstanceActions, startActionEvent } from '#db/instance-actions.ts'
import { findInstance, getInstance, insertInstances, removeInstance } from '#db/instances.ts'
import { insertOperation } from '#db/operations.ts'
import { openStores } from './db.ts'
import { newInstance } from './fixtures.ts'

for (const { name, db } of await openStores()) {
  test(`${name}: archiving and purging by age and number of rows`, async () => {
    const projectId = randomUUID()
    const made = await insertInstances(
      db,
      Array.from({ length: 4 }, () => newInstance({ projectId, tags: ['x'], metadata: { k: 'v' } })),
      { now: 1 },
    )
    const [a = '', b = '', busy = '', alive = ''] = made.map(({ uuid }) => uuid)
    const requestId = `req-${randomUUID()}`
    const action = { instanceUuid: a, action: 'create', requestId, userId: 'u', projectId }
    await insertInstanceActions(db, [action], { now: 1 })
    await startActionEvent(db, { instanceUuid: a, requestId }, { event: 'build', host: 'h' }, { now: 1 })
    for (const [uuid, now] of [
      [a, 10],
      [b, 20],
      [busy, 5],
    ] as const)
      await removeInstance(db, uuid, { now })
    const context = { requestId, userId: 'u', projectId, roles: [] }
    const live = { id: randomUUID(), saga: 'delete-server' as const, instanceUuid: busy, context, params: {} }
    await insertOperation(db, live, { now: 1 })

    assert.deepEqual(await archiveDeleted(db, { before: 10, maxRows: 100, now: 50 }), {})
    const first = await archiveDeleted(db, { maxRows: 1, now: 50 })
    assert.deepEqual(first, {
      instance_actions: 1,
      instance_actions_events: 1,
      instance_metadata: 1,
      instance_tags: 1,
      instances: 1,
    })
    assert.equal(await findInstance(db, a), undefined)
    await assert.rejects(getInstance(db, a, { deleted: 'include' }), { kind: 'notFound' })
    assert.deepEqual(await listInstanceActions(db, a), [])
    assert.ok(await getInstance(db, b, { deleted: 'include' }))
    const kept = await db.selectFrom('archived_rows').selectAll().where('instance_uuid', '=', a).execute()
    const row = kept.find(({ table_name: table }) => table === 'instances')
    assert.equal((JSON.parse(row?.content ?? '{}') as { project_id: string }).project_id, projectId)

    const second = await archiveDeleted(db, { maxRows: 1_000, now: 60 })
    assert.equal(second['instances'], 1)
    assert.deepEqual(await archiveDeleted(db, { maxRows: 1_000, now: 60 }), {})
    assert.ok(await getInstance(db, busy, { deleted: 'include' }), 'an operation works on it')
    assert.ok(await findInstance(db, alive))

    assert.deepEqual(await purgeArchived(db, { before: 10 }), {})
    assert.deepEqual(await purgeArchived(db, { before: 20 }), first)
    assert.deepEqual(await purgeArchived(db, {}), second)
    assert.deepEqual(await purgeArchived(db, {}), {})
  })
}
