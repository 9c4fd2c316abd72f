/** The database kit on every database: migrations, transactions, and two doors to one database. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import {
  createAll,
  insertTogether,
  isDatabaseAway,
  isUniqueViolation,
  type Migration,
  openDatabase,
  sharedRead,
} from '#db/kit/index.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
import { eventually } from '../eventually.ts'
import { openStores, type TestStore } from './db.ts'
import { startPostgres } from './postgres.ts'

interface CountersDb {
  counters: { name: string; value: number }
  schema_migrations: { migration_set: string; version: number; name: string; applied_at: number }
}

const counters: Migration = {
  version: 1,
  name: 'counters',
  up: (db) => createAll(db, ['create table counters (name text primary key, value bigint not null unique)']),
}

const stores = await openStores({ counters: [counters] })

/** A process that opens the database, migrates it as a service does, and goes. */
const MIGRATE = `
  import { openDatabase } from '#db/kit/index.ts'
  import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
  const database = openDatabase(process.argv[1])
  await database.migrate('nova', NOVA_MIGRATIONS)
  await database.close()`

const journalOf = async (store: TestStore, set: string) => {
  const query = store.database.typed<CountersDb>().selectFrom('schema_migrations').select('version')
  return (await query.where('migration_set', '=', set).orderBy('version').execute()).map(
    ({ version }) => version,
  )
}

for (const store of stores) {
  const { name, database } = store
  const db = database.typed<CountersDb>()

  test(`${name}: a migration that fails leaves neither its tables nor the ones before it`, async () => {
    const good: Migration = {
      version: 1,
      name: 'good',
      up: (db) => createAll(db, ['create table half (x int)']),
    }
    const bad: Migration = { version: 2, name: 'bad', up: (db) => createAll(db, ['create table oops (']) }
    await assert.rejects(database.migrate('broken', [good, bad]))
    assert.deepEqual(await journalOf(store, 'broken'), [])
    await database.migrate('broken', [good])
    assert.deepEqual(await journalOf(store, 'broken'), [1])
  })

  test(`${name}: rows of several tables are inserted together or not at all, whatever text they hold`, async () => {
    const up: Migration['up'] = (kysely) =>
      createAll(kysely, [
        'create table crates (name text primary key, weight bigint, note text)',
        'create table labels (crate text not null, label text not null)',
      ])
    await database.migrate('crates', [{ version: 1, name: 'crates', up }])
    interface CratesDb {
      crates: { name: string; weight: number | null; note: string | null }
      labels: { crate: string; label: string }
    }
    const crates = database.typed<CratesDb>()
    const note = '"quoted", \\u0000 \\\\ \n €😀 {a,b}'
    const heavy = { name: 'heavy', weight: 2 ** 53 - 1, note }
    const light = { name: 'light', weight: null, note: null }
    const labels = Array.from({ length: 300 }, (_, n) => ({ crate: 'heavy', label: `${n}` }))
    await insertTogether(crates, { crates: [heavy, light], labels })
    await database.transaction<CratesDb, void>((trx) =>
      insertTogether(trx, { crates: [{ ...light, name: 'third' }], labels: [] }),
    )
    await insertTogether(crates, { crates: [] })
    const again = insertTogether(crates, { labels: [{ crate: 'x', label: 'x' }], crates: [light] })
    await assert.rejects(again, (error) => isUniqueViolation(error))
    const nul = { crates: [{ ...light, name: 'a\0b' }] }
    await assert.rejects(insertTogether(crates, nul), { kind: 'badRequest' })
    await insertTogether(crates, { labels: [{ crate: 'heavy', label: 'half \ud83d a character' }] })
    const stored = await crates.selectFrom('crates').selectAll().orderBy('name').execute()
    assert.deepEqual(stored, [heavy, light, { ...light, name: 'third' }])
    const { count } = await crates
      .selectFrom('labels')
      .select(({ fn }) => fn.countAll().as('count'))
      .executeTakeFirstOrThrow()
    assert.equal(Number(count), 301)
  })

  test(`${name}: who asks one question at once shares a read that began after it asked`, async () => {
    const begun: (() => void)[] = []
    const ask = (question: string) =>
      sharedRead(db, [question], () => new Promise<number>((end) => begun.push(() => end(begun.length))))
    const answers = [ask('a'), ask('b'), ask('a'), ask('a')]
    assert.equal(begun.length, 2)
    begun[0]?.()
    await answers[0]
    await eventually(() => begun.length === 3)
    for (const end of begun) end()
    assert.equal((await Promise.all(answers)).length, 4)
    assert.equal(begun.length, 3)
  })

  test(`${name}: later migrations are added to those applied, and done once`, async () => {
    const ran: number[] = []
    const step = (version: number): Migration => ({
      version,
      name: `${version}`,
      up: async () => void ran.push(version),
    })
    await database.migrate('steps', [step(1)])
    await database.migrate('steps', [step(3), step(2), step(1)])
    await database.migrate('steps', [step(1), step(2), step(3)])
    assert.deepEqual(ran, [1, 2, 3])
    assert.deepEqual(await journalOf(store, 'steps'), [1, 2, 3])
  })

  test(`${name}: a transaction that throws changes nothing, and the next one works`, async () => {
    const failing = database.transaction<CountersDb, void>(async (trx) => {
      await trx.insertInto('counters').values({ name: 'gone', value: 100 }).execute()
      throw new Error('no')
    })
    await assert.rejects(failing, { message: 'no' })
    assert.deepEqual(await db.selectFrom('counters').selectAll().where('name', '=', 'gone').execute(), [])
  })

  test(`${name}: a query outside sees nothing of a transaction under way`, async () => {
    let seen: Promise<unknown[]> | undefined
    await database.transaction<CountersDb, void>(async (trx) => {
      await trx.insertInto('counters').values({ name: 'both', value: 1 }).execute()
      seen = db.selectFrom('counters').selectAll().where('name', '=', 'both').execute()
      await trx.deleteFrom('counters').where('name', '=', 'both').execute()
    })
    assert.deepEqual(await seen, [])
  })

  test(`${name}: transactions that would deadlock are run again until all are through`, async () => {
    const names = [randomUUID(), randomUUID()]
    await db
      .insertInto('counters')
      .values(names.map((name, i) => ({ name, value: 1_000_000 * (i + 2) })))
      .execute()
    const addInOrder = (order: readonly string[]) =>
      database.transaction<CountersDb, void>(async (trx) => {
        for (const name of order) {
          await trx.updateTable('counters').set({ value: sql`value + 1` }).where('name', '=', name).execute()
        }
      })
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => addInOrder(i % 2 === 0 ? names : names.toReversed())),
    )
    const rows = await db
      .selectFrom('counters')
      .select('value')
      .where('name', 'in', names)
      .orderBy('value')
      .execute()
    assert.deepEqual(
      rows.map(({ value }) => value),
      [2_000_008, 3_000_008],
    )
    await db.deleteFrom('counters').where('name', 'in', names).execute()
  })

  test(`${name}: a unique index that refuses a row is known by its column`, async () => {
    const insert = (name: string, value: number) =>
      db.insertInto('counters').values({ name, value }).execute()
    await insert('taken', 77)
    const violates = (column: string) => (error: unknown) => isUniqueViolation(error, column)
    await assert.rejects(insert('taken', 78), violates(''))
    await assert.rejects(insert('free', 77), violates('value'))
    await assert.rejects(insert('free', 77), (error) => !isUniqueViolation(error, 'elsewhere'))
    await assert.rejects(sql`select * from nowhere`.execute(db), (error) => !isUniqueViolation(error))
  })

  test(`${name}: a statement that was often asked sees the columns that a migration adds meanwhile`, async () => {
    await sql`create table growing (name text primary key)`.execute(db)
    await sql`insert into growing values (${'one'})`.execute(db)
    const look = async (through: Kysely<CountersDb>) =>
      (await sql<object>`select * from growing where name = ${'one'}`.execute(through)).rows
    const inTransaction = () => database.transaction<CountersDb, object[]>((trx) => look(trx))
    for (let time = 0; time < 8; time++) assert.deepEqual(await look(db), [{ name: 'one' }])
    await sql`alter table growing add column size bigint`.execute(db)
    assert.deepEqual(await look(db), [{ name: 'one', size: null }])
    for (let time = 0; time < 8; time++) await inTransaction()
    await sql`alter table growing add column colour text`.execute(db)
    assert.deepEqual(await inTransaction(), [{ name: 'one', size: null, colour: null }])
  })

  test(`${name}: large integers, counts and sums are numbers`, async () => {
    const row = await sql<{ n: number }>`select cast(${9_007_199_254_740_991} as bigint) as n`.execute(db)
    assert.equal(row.rows[0]?.n, Number.MAX_SAFE_INTEGER)
    const of = (db: Kysely<CountersDb>) => db.selectFrom('counters').where('name', '=', 'none')
    const counted = await of(db)
      .select(({ fn }) => [fn.countAll().as('n'), fn.sum('value').as('sum')])
      .execute()
    assert.deepEqual(counted, [{ n: 0, sum: null }])
  })
}

for (const store of stores.filter(({ isShared }) => isShared)) {
  test(`${store.name}: processes that start at once migrate once`, async () => {
    const runs = await Promise.all([1, 2, 3].map(() => runProcess(MIGRATE, store.url)))
    assert.deepEqual(runs, ['0: ', '0: ', '0: '])
    assert.deepEqual(
      await journalOf(store, 'nova'),
      NOVA_MIGRATIONS.map(({ version }) => version),
    )
  })

  test(`${store.name}: one who must wait for another's transaction waits without stopping the process`, async () => {
    const other = openDatabase(store.url)
    try {
      let isCommitted = false
      const inserted = Promise.withResolvers<void>()
      let ticks = 0
      const ticking = setInterval(() => (ticks += 1), 5)
      const row = { name: randomUUID(), value: 5_000_000 }
      const held = other.transaction<CountersDb, void>(async (trx) => {
        await trx.insertInto('counters').values(row).execute()
        inserted.resolve()
        await delay(100)
        isCommitted = true
      })
      await inserted.promise
      await assert.rejects(
        store.database.typed<CountersDb>().insertInto('counters').values(row).execute(),
        (error) => isUniqueViolation(error),
      )
      clearInterval(ticking)
      assert.ok(isCommitted)
      assert.ok(ticks >= 4, `the event loop turned ${ticks} times`)
      await held
    } finally {
      await other.close()
    }
  })
}

/** Runs a module given as text; answers its exit code and what it complained of. */
async function runProcess(program: string, argument: string): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, argument], {
    cwd: join(import.meta.dirname, '../..'),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let complaints = ''
  child.stderr.on('data', (chunk) => (complaints += String(chunk)))
  const code = await new Promise((resolve) => child.once('close', resolve))
  return `${String(code)}: ${complaints}`
}

for (const store of stores.filter(({ database }) => database.dialect === 'postgres'))
  test(`${store.name}: a connection that the server ends, and a server that is not there, are told from what was asked`, async () => {
    const { database, db } = store
    await assert.rejects(sql`select pg_terminate_backend(pg_backend_pid())`.execute(db), isDatabaseAway)
    const ended = database.transaction(async (trx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx)
      await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(db)
      await sql`select 1`.execute(trx)
    })
    await assert.rejects(ended, isDatabaseAway)
    await sql`select 1`.execute(db)
    const nobody = openDatabase('postgresql://127.0.0.1:1/nobody')
    await assert.rejects(sql`select 1`.execute(nobody.typed()), isDatabaseAway)
    await nobody.close()
    await assert.rejects(sql`select * from nowhere`.execute(db), (error) => !isDatabaseAway(error))
  })

test('whatever a server that is stopped under load leaves unanswered is told as its being away', async () => {
  const postgres = await startPostgres({ isDurable: true })
  const database = openDatabase(postgres.url)
  const db = database.typed<Record<string, never>>()
  const failures: unknown[] = []
  let answered = 0
  const ask = async (work: () => Promise<unknown>): Promise<void> => {
    while (failures.length < 50)
      await work().then(
        () => answered++,
        (error: unknown) => failures.push(error),
      )
  }
  const asking = [1, 2, 3].flatMap(() => [
    ask(() => sql`select 1`.execute(db)),
    ask(() => database.transaction((trx) => sql`select pg_sleep(0.001)`.execute(trx))),
  ])
  await eventually(() => answered >= 100 || undefined, { what: 'answers' })
  await postgres.stop()
  await Promise.all(asking)
  assert.deepEqual(
    failures.filter((error) => !isDatabaseAway(error)),
    [],
  )
  await database.close()
})

test('a URL that names no database we know is refused without its password', () => {
  const secret = 'mysql+pymysql://nova:hunter2@db/nova'
  assert.throws(
    () => openDatabase(secret),
    (error: Error) => /sqlite|postgresql/.test(error.message) && !/hunter2/.test(error.message),
  )
})
