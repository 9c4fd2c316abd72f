/**
 * What most claims are: consumers that are new, and providers with room for them. PostgreSQL writes many such
 * claims in one statement, which is a transaction of its own: one way there and back. When not all of them are like
 * that nothing is written, and why is to be found out in the long way.
 */
import { type RawBuilder, sql } from 'kysely'
import { type Database, dialectOf } from '#db/kit/index.ts'
import type { ConsumerWrite } from './consumers.ts'
import type { Db } from './providers.ts'
import type { PlacementTables } from './tables.ts'

/** Whether consumers must be new, and are to have something. */
export const isAnew = (writes: readonly ConsumerWrite[]): boolean =>
  writes.every(({ generation, allocations }) => generation === null && allocations.size > 0)

/** What is claimed of one inventory, by all claims together. */
interface Growth {
  readonly provider: string
  readonly resourceClass: string
  by: number
  least: number
  most: number
  /** Divides each of the amounts, as a step must. */
  divisor: number
}

/**
 * Writes claims, each of which is for itself (no two of one consumer); all of them or, when that cannot be done as
 * it stands, none: then it answers false. Always false on SQLite, where nobody is far away.
 */
export async function claimAnew(
  database: Database,
  claims: readonly (readonly ConsumerWrite[])[],
  now: number,
): Promise<boolean> {
  const db = database.typed<PlacementTables>()
  if (dialectOf(db) === 'sqlite' || !claims.every(isAnew)) return false
  try {
    await written(db, claims, now)
    return true
  } catch (error) {
    if (UNFIT.test(String((error as { code?: unknown }).code))) return false
    throw error
  }
}

/** Amounts that are no numbers of the database's or do not fit; consumers that are there; locks that were lost. */
const UNFIT = /^(22|23|40)/

/**
 * The providers' rows come first, in one order for everybody, and guard the rest. An update that had to wait
 * looks at its row again, as it is then: what fits there fits.
 */
async function written(db: Db, claims: readonly (readonly ConsumerWrite[])[], now: number): Promise<void> {
  const writes = claims.flat()
  const amounts = writes.flatMap(({ consumerUuid, allocations }) =>
    [...allocations].flatMap(([provider, resources]) =>
      [...resources].map(([resourceClass, amount]) => ({ consumerUuid, provider, resourceClass, amount })),
    ),
  )
  const growth = growthOf(amounts)
  const touched = claims.flatMap((claim) => [
    ...new Set(claim.flatMap(({ allocations }) => [...allocations.keys()])),
  ])
  const times = Map.groupBy(touched, (provider) => provider)
  await sql`
    with taken as materialized (
      select p.id, p.uuid, touch.times
      from placement_resource_providers as p, ${rows(
        'touch',
        ['uuid', 'text', [...times.keys()]],
        ['times', 'bigint', [...times.values()].map(({ length }) => length)],
      )}
      where p.uuid = touch.uuid order by p.id for update of p
    ), made as (
      insert into placement_consumers (uuid, project_id, user_id, consumer_type, generation, created_at, updated_at)
      select uuid, project_id, user_id, consumer_type, 1, ${now}, ${now}
      from ${rows(
        'consumer',
        ['uuid', 'text', writes.map(({ consumerUuid }) => consumerUuid)],
        ['project_id', 'text', writes.map(({ projectId }) => projectId)],
        ['user_id', 'text', writes.map(({ userId }) => userId)],
        ['consumer_type', 'text', writes.map(({ consumerType }) => consumerType ?? null)],
      )}
      returning id, uuid
    ), grown as (
      update placement_inventories as i set used = used + growth.by
      from taken, ${rows(
        'growth',
        ['uuid', 'text', growth.map(({ provider }) => provider)],
        ['resource_class', 'text', growth.map(({ resourceClass }) => resourceClass)],
        ['by', 'bigint', growth.map(({ by }) => by)],
        ['least', 'bigint', growth.map(({ least }) => least)],
        ['most', 'bigint', growth.map(({ most }) => most)],
        ['divisor', 'bigint', growth.map(({ divisor }) => divisor)],
      )}
      where taken.uuid = growth.uuid and i.provider_id = taken.id and i.resource_class = growth.resource_class
        and i.used + growth.by <= (i.total - i.reserved) * i.allocation_ratio
        and i.min_unit <= growth.least and i.max_unit >= growth.most and growth.divisor % i.step_size = 0
      returning i.provider_id
    ), touched as (
      update placement_resource_providers as p set generation = generation + taken.times, updated_at = ${now}
      from taken where p.id = taken.id
    ), given as (
      insert into placement_allocations (consumer_id, provider_id, resource_class, used, created_at)
      select made.id, taken.id, amount.resource_class, amount.used, ${now}
      from made, taken, ${rows(
        'amount',
        ['consumer', 'text', amounts.map(({ consumerUuid }) => consumerUuid)],
        ['provider', 'text', amounts.map(({ provider }) => provider)],
        ['resource_class', 'text', amounts.map(({ resourceClass }) => resourceClass)],
        ['used', 'bigint', amounts.map(({ amount }) => amount)],
      )}
      where made.uuid = amount.consumer and taken.uuid = amount.provider
    ), told as (
      insert into placement_changes (provider_id, usage_only, created_at) select id, 1, ${now} from taken
    )
    select case count(*) when ${growth.length} then 0 else ${REFUSED} end from grown`.execute(db)
}

/** An error takes back what a statement did. It is found in the database's log, where it says what it is. */
const REFUSED = sql`(count(*) || ' of the inventories have room: these claims are looked at one by one')::int`

/** Rows of arrays, one for each column: the statement's text is the same for any number of them, and it is planned once. */
function rows(
  name: string,
  ...columns: readonly (readonly [name: string, type: 'text' | 'bigint', values: readonly unknown[]])[]
): RawBuilder<unknown> {
  const arrays = columns.map(([, type, values]) => sql`${values}::${sql.raw(type)}[]`)
  return sql`unnest(${sql.join(arrays)}) as ${sql.ref(name)} (${sql.join(columns.map(([column]) => sql.ref(column)))})`
}

function growthOf(
  amounts: readonly { readonly provider: string; readonly resourceClass: string; readonly amount: number }[],
): Growth[] {
  const all = new Map<string, Growth>()
  for (const { provider, resourceClass, amount } of amounts) {
    const key = `${provider} ${resourceClass}`
    const growth = all.get(key) ?? {
      provider,
      resourceClass,
      by: 0,
      least: amount,
      most: amount,
      divisor: amount,
    }
    growth.by += amount
    growth.least = Math.min(growth.least, amount)
    growth.most = Math.max(growth.most, amount)
    growth.divisor = commonDivisor(growth.divisor, amount)
    all.set(key, growth)
  }
  return [...all.values()]
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b)
}
