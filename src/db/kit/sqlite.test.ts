/** What SQLite's one connection does when it is misused, and where its files go. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock, test } from 'node:test'
import { sql } from 'kysely'
import { openDatabase } from './index.ts'

test('a query outside a transaction that waits for it fails in the end, and says why', async () => {
  const database = openDatabase('sqlite://')
  const db = database.typed<Record<string, never>>()
  await sql`select 1`.execute(db)
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const deadlocked = database.transaction(async () => {
      const outside = sql`select 1`.execute(db)
      setImmediate(() => mock.timers.tick(60_000))
      await outside
    })
    await assert.rejects(deadlocked, /Pass trx down/)
    await sql`select 1`.execute(db)
  } finally {
    mock.timers.reset()
    await database.close()
  }
})

test('queries that wait for a transaction are answered in the order they came', async () => {
  const database = openDatabase('sqlite://')
  const db = database.typed<Record<string, never>>()
  const answered: number[] = []
  const waiting: Promise<void>[] = []
  await database.transaction(async (trx) => {
    for (const n of [1, 2, 3]) waiting.push(sql`select 1`.execute(db).then(() => void answered.push(n)))
    await sql`select 1`.execute(trx)
    assert.deepEqual(answered, [])
  })
  await Promise.all(waiting)
  assert.deepEqual(answered, [1, 2, 3])
  await database.close()
})

test('the file and the folders above it are made', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-sqlite-'))
  try {
    const path = join(dir, 'a b', 'c%d', 'kilonova.sqlite')
    const database = openDatabase(`sqlite://${encodeURI(path)}`)
    await sql`create table t (x int)`.execute(database.typed<Record<string, never>>())
    await database.close()
    assert.ok(existsSync(path))
  } finally {
    rmSync(dir, { recursive: true })
  }
})
