/** How lists of instances are found: by an index, in order, in as many queries for a thousand as for ten. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { type Kysely, sql } from 'kysely'
import { type DialectName, type FinishedQuery, openDatabase } from '#db/kit/index.ts'
import { countInstances, type InstanceFilters, insertInstances, listInstances } from '#db/instances.ts'
import { listInstanceRuns } from '#db/instance-usage.ts'
import type { NovaDb } from '#db/schema.ts'
import { openStores } from './db.ts'
import { newInstance } from './fixtures.ts'

const stores = await openStores()

/** Filters as the API makes them, and the index that answers each, in the order of the list or not. */
const PLANS: readonly { filters: InstanceFilters; index: string; inOrder: boolean }[] = [
  { filters: {}, index: 'instances_by_age', inOrder: true },
  { filters: { projectId: 'p1' }, index: 'instances_by_project', inOrder: true },
  {
    filters: { projectId: 'p1', vmStates: ['active'] },
    index: 'instances_by_project',
    inOrder: true,
  },
  { filters: { userId: 'u1' }, index: 'instances_by_user', inOrder: true },
  { filters: { host: 'h1' }, index: 'instances_by_host', inOrder: true },
  { filters: { projectId: 'p1', reservationId: 'r1' }, index: 'instances_by_reservation', inOrder: false },
  { filters: { deleted: 'any', changesSince: 98 }, index: 'instances_by_change', inOrder: false },
]

const MARKER = randomUUID()

/** Twenty instances of as many projects and users, on as many hosts. */
const wave = (age: number) =>
  Array.from({ length: 20 }, (_, i) =>
    newInstance({
      projectId: `p${i}`,
      userId: `u${i}`,
      host: `h${i}`,
      reservationId: `r${age * 20 + i}`,
      launchedAt: age,
      ...(age === 50 && i === 1 && { uuid: MARKER }),
    }),
  )

for (const store of stores.filter(({ isShared }) => isShared)) {
  const queries: FinishedQuery[] = []

  test(`${store.name}: lists are found by an index`, async () => {
    const watched = openDatabase(store.url, { onQuery: (query) => queries.push(query) })
    try {
      const db = watched.typed<NovaDb>()
      for (let now = 0; now < 100; now++) await insertInstances(db, wave(now), { now })
      if (watched.dialect === 'postgres') await sql`analyze instances`.execute(db)
      for (const { filters, index, inOrder } of PLANS) {
        queries.length = 0
        await listInstances(db, filters, { marker: MARKER, limit: 10 })
        assert.equal(queries.length, 2, 'the marker, and the page')
        const plan = await planOf(store.db, watched.dialect, queries[1])
        assert.match(plan, new RegExp(`${index}\\b`), JSON.stringify(filters))
        if (inOrder) assert.doesNotMatch(plan, /temp b-tree|sort/i, JSON.stringify(filters))
      }
      for (const owner of [{}, { projectId: 'p1' }]) {
        queries.length = 0
        await listInstanceRuns(db, { begin: 0, end: 1_000, ...owner }, { limit: 10, marker: MARKER })
        assert.equal(queries.length, 2, 'the marker, and the page')
        const plan = await planOf(store.db, watched.dialect, queries[1])
        assert.match(plan, /instances_by_owner/, JSON.stringify(owner))
        assert.doesNotMatch(plan, /temp b-tree|sort/i, JSON.stringify(owner))
      }
      queries.length = 0
      await countInstances(db, { projectId: 'p1' })
      assert.match(await planOf(store.db, watched.dialect, queries[0]), /instances_usage\b/)
    } finally {
      await watched.close()
    }
  })

  test(`${store.name}: a thousand instances take as many queries as ten`, async () => {
    const watched = openDatabase(store.url, { onQuery: (query) => queries.push(query) })
    try {
      const db = watched.typed<NovaDb>()
      const projectId = randomUUID()
      const news = Array.from({ length: 1000 }, () =>
        newInstance({ projectId, tags: ['a'], metadata: { k: 'v' } }),
      )
      await insertInstances(db, news, { now: 1 })
      queries.length = 0
      assert.equal((await listInstances(db, { projectId }, { limit: 10 })).length, 10)
      assert.equal((await listInstances(db, { projectId })).length, 1000)
      assert.equal(queries.length, 2)
    } finally {
      await watched.close()
    }
  })
}

/** What the planner would do, were the table too large to read whole. */
async function planOf(
  db: Kysely<NovaDb>,
  dialect: DialectName,
  query: FinishedQuery | undefined,
): Promise<string> {
  assert.ok(query)
  const explained = {
    sql: `${dialect === 'sqlite' ? 'explain query plan' : 'explain'} ${query.sql}`,
    parameters: query.parameters,
  }
  return db.transaction().execute(async (trx) => {
    if (dialect === 'postgres') {
      for (const way of ['seqscan', 'bitmapscan']) await sql.raw(`set local enable_${way} = off`).execute(trx)
    }
    const { rows } = await trx.executeQuery({ ...sql.raw('select 1').compile(trx), ...explained })
    return JSON.stringify(rows)
  })
}

for (const store of stores.filter(({ database }) => database.dialect === 'postgres'))
  test(`${store.name}: a page is planned for its own values`, async () => {
    const watched = openDatabase(store.url)
    try {
      const db = watched.typed<NovaDb>()
      const [last] = await insertInstances(db, [newInstance()], { now: 1 })
      for (let i = 0; i < 3; i++) await listInstances(db, {}, { marker: last?.uuid ?? '', limit: 10 })
      const { rows } = await sql<{ statement: string }>`
        select statement from pg_prepared_statements where statement like '%"instances"%'`.execute(db)
      const texts = rows.map(({ statement }) => statement).join('\n')
      assert.match(texts, /"uuid" = \$1/, 'the marker is looked up by a prepared statement')
      assert.doesNotMatch(texts, /order by/)
    } finally {
      await watched.close()
    }
  })
