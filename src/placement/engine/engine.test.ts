/** What engines know, against what the database says, on every database: they follow all that happens, also beside one another. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, suite, test } from 'node:test'
import { type Database, openDatabase } from '#db/kit/index.ts'
import { systemClock } from '#lib/clock.ts'
import { silentLog } from '#lib/log.ts'
import { openStores } from '../../../test/contract/db.ts'
import { type Ask, claimBody, startPlacement } from '../../../test/placement-fixture.ts'
import { readChanges, recordChanges, trimChanges } from '../db/changes.ts'
import { PLACEMENT_MIGRATIONS } from '../db/migrations.ts'
import type { PlacementTables } from '../db/tables.ts'
import { NONE } from './columns.ts'
import { createEngine } from './engine.ts'
import type { World } from './world.ts'

const stores = await openStores({ placement: PLACEMENT_MIGRATIONS })

const engineOf = (db: Database) => createEngine({ db, clock: systemClock, log: silentLog })

/** All that a world knows, read in each way that a search reads it. */
function contents(world: World): unknown[] {
  const slots = [...world.roots, ...world.nested]
  assert.equal(slots.length, world.size)
  return slots
    .map((slot) => {
      const traits = world.traitsOf(slot)
      const aggregates = world.aggregatesOf(slot)
      const rooms = [...world.roomsOf(slot)]
      assert.equal(world.slotOf(world.uuid(slot)), slot)
      assert.ok(traits.every((trait) => world.withTrait(trait).has(slot)))
      assert.ok(aggregates.every((aggregate) => world.inAggregate(aggregate).has(slot)))
      assert.ok(rooms.every(({ resourceClass }) => world.holdersOf(resourceClass).has(slot)))
      const { trees } = world
      const members: string[] = []
      for (let at = slot; at !== NONE && world.roots.has(slot); at = trees.after(at))
        members.push(world.uuid(at))
      const parent = trees.parentOf(slot)
      return {
        uuid: world.uuid(slot),
        parent: parent === NONE ? null : world.uuid(parent),
        root: world.uuid(trees.rootOf(slot)),
        members: members.sort(),
        rooms: rooms.sort((a, b) => (a.resourceClass < b.resourceClass ? -1 : 1)),
        traits,
        aggregates,
        sets: [world.sharing.has(slot), world.withTrait('HW_CPU_X86_VMX').has(slot)],
      }
    })
    .sort((a, b) => (a.uuid < b.uuid ? -1 : 1))
}

/** A small generator of chance, so that a failure can be had again. */
function chance(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Does something to some provider or consumer, whether it is allowed or not. */
async function doSomething(ask: Ask, below: (limit: number) => number, known: string[]): Promise<void> {
  const some = (): string => known[below(known.length)] ?? randomUUID()
  const uuid = some()
  const path = `/resource_providers/${uuid}`
  const generation = async () => ({
    resource_provider_generation: (await ask('GET', path)).body.generation ?? 0,
  })
  const total = () => ({ total: 5 + below(9) })
  const make = async () => {
    const made = randomUUID()
    const parent = below(3) === 0 || known.length === 0 ? {} : { parent_provider_uuid: some() }
    const { status } = await ask('POST', '/resource_providers', { uuid: made, name: made, ...parent })
    if (status === 200) known.push(made)
  }
  const claim = () => ask('PUT', `/allocations/${randomUUID()}`, claimBody(uuid, { VCPU: 1 }))
  const deeds = [
    make,
    make,
    async () => ask('DELETE', path),
    async () => ask('PUT', path, { name: uuid, parent_provider_uuid: below(2) === 0 ? null : some() }),
    async () => {
      const inventories = { VCPU: total(), ...(below(2) === 0 && { DISK_GB: total() }) }
      return ask('PUT', `${path}/inventories`, { inventories, ...(await generation()) })
    },
    async () => ask('PUT', `${path}/inventories/VCPU`, { ...total(), ...(await generation()) }),
    async () => ask('DELETE', `${path}/inventories/DISK_GB`),
    async () => {
      const own = `CUSTOM_${below(2)}`
      await ask('PUT', `/resource_classes/${own}`)
      return ask('POST', `${path}/inventories`, { resource_class: own, ...total(), ...(await generation()) })
    },
    async () =>
      ask(
        'PUT',
        `/resource_classes/CUSTOM_${below(2)}`,
        { name: `CUSTOM_${below(1e9)}` },
        { version: '1.2' },
      ),
    async () => {
      const traits = ['HW_CPU_X86_VMX', 'MISC_SHARES_VIA_AGGREGATE', 'COMPUTE_NODE'].slice(below(4))
      return ask('PUT', `${path}/traits`, { traits, ...(await generation()) })
    },
    async () => ask('DELETE', `${path}/traits`),
    async () => ask('PUT', `${path}/aggregates`, { aggregates: [randomUUID()], ...(await generation()) }),
    async () => ask('PUT', `${path}/aggregates`, [randomUUID()], { version: '1.10' }),
    claim,
    claim,
    claim,
    async () => {
      const consumers = (await ask('GET', `${path}/allocations`)).body?.allocations ?? {}
      for (const consumer of Object.keys(consumers).slice(0, 1))
        await ask('DELETE', `/allocations/${consumer}`)
    },
    async () => {
      const consumers = (await ask('GET', `${path}/allocations`)).body?.allocations ?? {}
      for (const [consumer, { consumer_generation }] of Object.entries<{ consumer_generation: number }>(
        consumers,
      ))
        await ask('PUT', `/allocations/${consumer}`, claimBody(some(), { VCPU: 1 }, { consumer_generation }))
    },
    async () =>
      ask('POST', '/reshaper', {
        inventories: { [uuid]: { inventories: { VCPU: total() }, ...(await generation()) } },
        allocations: {},
      }),
  ]
  await deeds[below(deeds.length)]?.()
}

for (const store of stores) {
  suite(`the engine on ${store.name}`, async () => {
    const other = store.isShared ? openDatabase(store.url) : store.database
    const doors = [await startPlacement(store.database), await startPlacement(other)]
    const { ask } = doors[0]!
    after(async () => {
      for (const door of doors) await door.close()
      if (other !== store.database) await other.close()
    })

    test('knows what the database says, whatever was done, here or by another process', async () => {
      const engines = [engineOf(store.database), engineOf(other)]
      const below = chance(7)
      const known: string[] = []
      for (let round = 0; round < 60; round++) {
        await Promise.all(doors.map(({ ask }) => doSomething(ask, below, known)))
        if (round % 6 > 0) await Promise.all([0, 1, 2].map(() => doSomething(ask, below, known)))
        const fresh = contents(await engineOf(store.database).current())
        for (const engine of engines) assert.deepEqual(contents(await engine.current()), fresh)
      }
      const seen = contents(await engines[0]!.current()) as { parent: string | null; rooms: unknown[] }[]
      assert.ok(seen.length > 10 && seen.some(({ parent }) => parent !== null))
    })

    test('loads everything when what it missed has been trimmed', async () => {
      const engine = engineOf(store.database)
      const follower = engineOf(store.database)
      await engine.current()
      const uuid = randomUUID()
      await ask('POST', '/resource_providers', { uuid, name: uuid })
      await follower.current()
      await trimChanges(store.database, Date.now() + 60_000)
      const db = store.database.typed<PlacementTables>()
      const rows = await db.selectFrom('placement_changes').selectAll().execute()
      assert.deepEqual(rows, [])
      assert.notEqual((await engine.current()).slotOf(uuid), undefined)
      const world = await follower.current()
      assert.equal(await follower.current(), world)
      await ask('DELETE', `/resource_providers/${uuid}`)
      assert.equal(await follower.current(), world)
      assert.equal(world.slotOf(uuid), undefined)
    })

    // SQLite's transactions end in the order they begin.
    if (store.name !== 'PostgreSQL') return
    test('misses no change whose transaction ended after that of a later one', async () => {
      const db = store.database.typed<PlacementTables>()
      const start = (await readChanges(db, Number.MAX_SAFE_INTEGER)).horizon
      const late = await db.startTransaction().execute()
      await recordChanges(late, [-1], 'usage', 0)
      await recordChanges(db, [-2], 'usage', 0)
      const first = await readChanges(db, start)
      assert.deepEqual(
        first.changes.map(({ providerId }) => providerId),
        [-2],
      )
      await late.commit().execute()
      const second = await readChanges(db, first.horizon)
      const fresh = second.changes.filter(({ seq }) => !first.again.has(seq))
      assert.deepEqual(
        fresh.map(({ providerId }) => providerId),
        [-1],
      )
      const third = await readChanges(db, second.horizon)
      assert.deepEqual(
        third.changes.filter(({ seq }) => !second.again.has(seq)),
        [],
      )
    })
  })
}
