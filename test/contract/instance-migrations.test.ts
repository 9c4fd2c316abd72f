/** The store of instances' moves between hosts, on every database. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import {
  findInstanceMigration,
  findMigration,
  insertMigration,
  listMigrations,
  listUnsettledOn,
  listHostsOfMoves,
  listUnsettledMigrations,
  listUnsettledOf,
  type NewMigration,
  updateMigration,
} from '#db/instance-migrations.ts'
import { insertInstances, removeInstance } from '#db/instances.ts'
import { newInstance } from './fixtures.ts'
import { flavor } from './virt-driver.ts'
import { openStores } from './db.ts'

const newMigration = (change: Partial<NewMigration> = {}): NewMigration => ({
  uuid: randomUUID(),
  instanceUuid: randomUUID(),
  migrationType: 'resize',
  status: 'pre-migrating',
  userId: 'user',
  projectId: 'project',
  ...change,
})

for (const { name, db } of await openStores()) {
  test(`${name}: a migration is kept whole, found by either of its names, and changed only as expected`, async () => {
    const asked = newMigration({ sourceCompute: 'a', oldFlavor: flavor, newFlavor: { ...flavor, vcpus: 2 } })
    const made = await insertMigration(db, asked, { now: 5 })
    assert.deepEqual(made.oldFlavor, flavor)
    assert.deepEqual(await findMigration(db, asked.uuid), made)
    assert.deepEqual(await findInstanceMigration(db, asked.instanceUuid, made.id), made)
    assert.equal(await findInstanceMigration(db, randomUUID(), made.id), undefined)

    const changes = { status: 'finished', destCompute: 'b' } as const
    assert.equal(await updateMigration(db, asked.uuid, changes, { now: 6, expect: ['running'] }), undefined)
    const changed = await updateMigration(db, asked.uuid, changes, { now: 6, expect: ['pre-migrating'] })
    assert.deepEqual(changed, { ...made, ...changes, updatedAt: 6 })
  })

  test(`${name}: lists come newest first, filtered, page by page`, async () => {
    const projectId = randomUUID()
    const make = (change: Partial<NewMigration>, now: number) =>
      insertMigration(db, newMigration({ projectId, ...change }), { now })
    const first = await make({ sourceCompute: 'x', destCompute: 'y' }, 10)
    const second = await make({ sourceCompute: 'y', destCompute: 'z', migrationType: 'migration' }, 20)
    const third = await make({ sourceCompute: 'z', hidden: true, status: 'error' }, 20)
    const ids = async (
      ...args: Parameters<typeof listMigrations> extends [unknown, ...infer R] ? R : never
    ) => (await listMigrations(db, { projectId, ...args[0] }, args[1])).map(({ id }) => id)
    assert.deepEqual(await ids({}), [third.id, second.id, first.id])
    assert.deepEqual(await ids({}, { limit: 2 }), [third.id, second.id])
    assert.deepEqual(await ids({}, { after: second, limit: 2 }), [first.id])
    assert.deepEqual(await ids({ host: 'y' }), [second.id, first.id])
    assert.deepEqual(await ids({ sourceCompute: 'y' }), [second.id])
    assert.deepEqual(await ids({ hidden: false }), [second.id, first.id])
    assert.deepEqual(await ids({ types: ['migration'] }), [second.id])
    assert.deepEqual(await ids({ statuses: ['error'] }), [third.id])
    const server = newInstance({ uuid: second.instanceUuid })
    await insertInstances(db, [server], { now: 20 })
    assert.deepEqual(await ids({ ofLiving: true }), [third.id, second.id, first.id])
    await removeInstance(db, server.uuid, { now: 21 })
    assert.deepEqual(await ids({ ofLiving: true }), [third.id, first.id])
    assert.deepEqual(await ids({ changesSince: 20 }), [third.id, second.id])
    await updateMigration(db, first.uuid, { status: 'finished' }, { now: 30 })
    assert.deepEqual(await ids({ changesSince: 21 }), [first.id])
    assert.deepEqual(await ids({ changesBefore: 20 }), [third.id, second.id])
  })

  test(`${name}: a migration holds its source until it is settled`, async () => {
    const source = `host-${randomUUID()}`
    const made = await insertMigration(db, newMigration({ sourceCompute: source, status: 'finished' }), {
      now: 1,
    })
    const { uuid, instanceUuid } = made
    const left = newMigration({
      sourceCompute: source,
      migrationType: 'evacuation',
      status: 'done',
      destCompute: 'there',
    })
    await insertMigration(db, left, { now: 1 })
    assert.deepEqual(await listHostsOfMoves(db, left.instanceUuid), [source, 'there'])
    await updateMigration(db, left.uuid, { status: 'completed' }, { now: 1 })
    assert.deepEqual(await listHostsOfMoves(db, left.instanceUuid), [source], 'it keeps what it had')
    assert.deepEqual(await listUnsettledOn(db, source), [made], 'what was evacuated is here no more')
    assert.deepEqual(await listUnsettledOf(db, instanceUuid), [made])
    assert.deepEqual(await listUnsettledMigrations(db, [uuid, randomUUID()]), [{ uuid, instanceUuid }])
    await updateMigration(db, uuid, { status: 'confirmed' }, { now: 2 })
    assert.deepEqual(await listUnsettledOn(db, source), [])
    assert.deepEqual(await listUnsettledMigrations(db, [uuid]), [])
  })
}
