/** What is compiled once answers as what is compiled each time, and refuses what could not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Kysely, sql } from 'kysely'
import { compiledOnce } from './compiled.ts'
import { openDatabase } from './database.ts'

interface Tables {
  readonly things: { readonly id: number; readonly name: string; readonly size: number | null }
}

interface Wanted {
  readonly name?: string
  readonly atLeast?: number
  readonly limit?: number
}

async function opened() {
  const asked: string[] = []
  const database = openDatabase('sqlite://', { onQuery: ({ sql }) => asked.push(sql) })
  const db = database.typed<Tables>()
  await sql`create table things (id integer primary key, name text, size integer)`.execute(db)
  for (const [id, name] of ['a', 'b', 'a'].entries())
    await db
      .insertInto('things')
      .values({ id, name, size: id * 10 })
      .execute()
  asked.length = 0
  return { database, db, asked }
}

function statement() {
  const built: string[] = []
  const ask = compiledOnce((db: Kysely<Tables>, order: 'asc' | 'desc', { name, atLeast, limit }: Wanted) => {
    built.push(order)
    let query = db.selectFrom('things').select('id').where('id', '<', 100).orderBy('id', order)
    if (name !== undefined) query = query.where('name', '=', name)
    if (atLeast !== undefined) query = query.where('size', '>=', atLeast)
    return limit === undefined ? query : query.limit(limit)
  })
  return { ask, built }
}

test('each form is built once and asked with the values of each time, in or out of a transaction', async (t) => {
  const { database, db, asked } = await opened()
  t.after(() => database.close())
  const { ask, built } = statement()
  const ids = async (...given: Parameters<typeof ask>) => (await ask(...given)).map(({ id }) => id)

  assert.deepEqual(await ids(db, 'asc', { name: 'a' }), [0, 2])
  assert.deepEqual(await ids(db, 'asc', { name: 'b' }), [1])
  assert.deepEqual(await ids(db, 'desc', { name: 'a' }), [2, 0])
  assert.deepEqual(await ids(db, 'desc', { limit: 1, name: 'a', atLeast: 10 }), [2])
  assert.deepEqual(await ids(db, 'desc', { limit: 2, name: 'a', atLeast: 0 }), [2, 0])
  assert.deepEqual(await database.transaction<Tables, number[]>((trx) => ids(trx, 'asc', { name: 'b' })), [1])
  assert.deepEqual(built, ['asc', 'desc', 'desc'])
  assert.equal(asked.filter((text) => text.startsWith('select')).length, 6)
})

test('a value that the statement does not hold as it is, is a mistake that is told', async (t) => {
  const { database, db } = await opened()
  t.after(() => database.close())
  const ask = compiledOnce((kysely: Kysely<Tables>, _form: object, { size }: { readonly size: number }) =>
    kysely
      .selectFrom('things')
      .select('id')
      .where('size', '=', size * 2),
  )
  await assert.rejects(ask(db, {}, { size: 5 }), /size is not a parameter of select/)
})
