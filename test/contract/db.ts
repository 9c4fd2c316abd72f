/**
 * The databases that every store must run on: SQLite in memory and in a file, and PostgreSQL. A test
 * file opens them once and runs each test on each; tests keep apart by project and names of their own.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Kysely } from 'kysely'
import { type Database, type Migration, openDatabase } from '#db/kit/index.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
import type { NovaDb } from '#db/schema.ts'
import { asAdmin, startPostgres } from './postgres.ts'

export interface TestStore {
  readonly name: string
  readonly url: string
  readonly database: Database
  readonly db: Kysely<NovaDb>
  /** Another process could open it too: `openDatabase(url)` gives a second door to it. */
  readonly isShared: boolean
}

type MigrationSets = Readonly<Record<string, readonly Migration[]>>

/** Opens all of them, migrated, for one test file, and closes them when its tests are over. */
export async function openStores(
  sets: MigrationSets = { nova: NOVA_MIGRATIONS },
): Promise<readonly TestStore[]> {
  const closing: (() => Promise<void> | void)[] = []
  after(async () => {
    const failures: unknown[] = []
    for (const close of closing.reverse()) {
      await Promise.resolve()
        .then(close)
        .catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw new AggregateError(failures, 'a test left a database in use')
  })
  const stores: TestStore[] = []
  for (const [name, url] of Object.entries(await newUrls(closing))) {
    const database = openDatabase(url)
    closing.push(() => database.close())
    for (const [set, migrations] of Object.entries(sets)) await database.migrate(set, migrations)
    stores.push({ name, url, database, db: database.typed<NovaDb>(), isShared: url !== IN_MEMORY })
  }
  return stores
}

const IN_MEMORY = 'sqlite://'

async function newUrls(closing: (() => Promise<void> | void)[]): Promise<Record<string, string>> {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-db-'))
  closing.push(() => rmSync(dir, { recursive: true }))
  const postgres = await startPostgres()
  closing.push(() => postgres.stop())
  const name = `kilonova_${randomUUID().slice(0, 8)}`
  await asAdmin(postgres.url, `create database ${name}`)
  closing.push(() => asAdmin(postgres.url, `drop database ${name} with (force)`))
  return {
    'SQLite in memory': IN_MEMORY,
    'SQLite in a file': `sqlite://${join(dir, 'kilonova.sqlite')}`,
    PostgreSQL: postgres.url.replace('/postgres', `/${name}`),
  }
}
