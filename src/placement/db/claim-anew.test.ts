/** Claims written in one statement leave what the long way leaves; and nothing, where that would refuse one of them. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, suite, test } from 'node:test'
import type { Database } from '#db/kit/index.ts'
import { openStores } from '../../../test/contract/db.ts'
import { type Ask, makeProvider, startPlacement } from '../../../test/placement-fixture.ts'
import { claimAnew } from './claim-anew.ts'
import { writeAll } from './claim.ts'
import type { ConsumerWrite } from './consumers.ts'
import { PLACEMENT_MIGRATIONS } from './migrations.ts'
import type { PlacementTables } from './tables.ts'

const store = (await openStores({ placement: PLACEMENT_MIGRATIONS })).find(
  ({ name }) => name === 'PostgreSQL',
)
/** Changes that are old are trimmed. */
const NOW = Date.now()

const write = (
  allocations: Readonly<Record<string, Readonly<Record<string, number>>>>,
  more: Partial<ConsumerWrite> = {},
): ConsumerWrite => ({
  consumerUuid: randomUUID(),
  projectId: 'project',
  userId: 'user',
  consumerType: undefined,
  generation: null,
  allocations: new Map(
    Object.entries(allocations).map(([uuid, resources]) => [uuid, new Map(Object.entries(resources))]),
  ),
  ...more,
})

/** Two hosts; the second has room for little, and only in pairs. */
async function hostsFor(ask: Ask): Promise<[string, string]> {
  const VCPU = { total: 3, allocation_ratio: 2, min_unit: 2, step_size: 2, max_unit: 4 }
  return [await makeProvider(ask, { VCPU: 20, MEMORY_MB: 1_000 }), await makeProvider(ask, { VCPU })]
}

/** Everything that is known of two hosts, but for what differs between any two. */
async function contents(database: Database, hosts: readonly string[]): Promise<unknown> {
  const db = database.typed<PlacementTables>()
  const providers = await db
    .selectFrom('placement_resource_providers')
    .select(['id', 'generation', 'updated_at'])
    .where('uuid', 'in', hosts)
    .orderBy('id')
    .execute()
  const place = new Map(providers.map(({ id }, at) => [id, at]))
  const ids = [...place.keys()]
  const inventories = await db
    .selectFrom('placement_inventories')
    .select(['provider_id', 'resource_class', 'used'])
    .where('provider_id', 'in', ids)
    .orderBy('provider_id')
    .orderBy('resource_class')
    .execute()
  const taken = await db
    .selectFrom('placement_allocations as a')
    .innerJoin('placement_consumers as c', 'c.id', 'a.consumer_id')
    .select(['a.provider_id', 'a.resource_class', 'a.used', 'a.created_at'])
    .select(['c.project_id', 'c.user_id', 'c.consumer_type', 'c.generation', 'c.updated_at'])
    .where('a.provider_id', 'in', ids)
    .execute()
  const changes = await db
    .selectFrom('placement_changes')
    .select(['provider_id', 'usage_only'])
    .where('provider_id', 'in', ids)
    .where('created_at', '=', NOW)
    .orderBy('provider_id')
    .execute()
  const plain = <Row extends { provider_id: number }>(rows: readonly Row[]) =>
    rows.map((row) => ({ ...row, provider_id: place.get(row.provider_id) }))
  return {
    providers: providers.map(({ generation, updated_at }) => [generation, updated_at === NOW]),
    inventories: plain(inventories),
    taken: plain(taken)
      .map((row) => JSON.stringify(row))
      .sort(),
    changes: plain(changes),
  }
}

suite('claims of new consumers, on PostgreSQL', async () => {
  assert.ok(store)
  const { database } = store
  const { ask, close } = await startPlacement(database)
  after(close)

  test('leave what the long way leaves', async () => {
    const claims = ([one, other]: readonly [string, string]) => [
      [write({ [one]: { VCPU: 3, MEMORY_MB: 100 } }, { consumerType: 'INSTANCE' })],
      [write({ [one]: { VCPU: 17 }, [other]: { VCPU: 4 } })],
      [write({ [other]: { VCPU: 2 } }), write({ [one]: { MEMORY_MB: 900 } })],
    ]
    const [short, long] = [await hostsFor(ask), await hostsFor(ask)]
    assert.equal(await claimAnew(database, claims(short), NOW), true)
    const refusals = await database.transaction<PlacementTables, unknown[]>((trx) =>
      writeAll(
        trx,
        claims(long).map((writes) => ({ writes })),
        NOW,
      ),
    )
    assert.deepEqual(refusals, [undefined, undefined, undefined])
    assert.deepEqual(await contents(database, short), await contents(database, long))
  })

  const known = write({})
  const refused: Readonly<Record<string, (one: string, other: string) => ConsumerWrite>> = {
    'more than there is': (one) => write({ [one]: { VCPU: 20 } }),
    'less than the smallest unit': (_one, other) => write({ [other]: { VCPU: 1 } }),
    'not in steps': (_one, other) => write({ [other]: { VCPU: 3 } }),
    'more than the largest unit': (_one, other) => write({ [other]: { VCPU: 6 } }),
    'an amount beyond all numbers': (one) => write({ [one]: { VCPU: 1e30 } }),
    'a class that the provider does not have': (_one, other) => write({ [other]: { MEMORY_MB: 1 } }),
    'a class that there is not': (one) => write({ [one]: { CUSTOM_NONE: 1 } }),
    'a provider that there is not': () => write({ [randomUUID()]: { VCPU: 1 } }),
    'a consumer that is there': (one) => write({ [one]: { VCPU: 1 } }, { consumerUuid: known.consumerUuid }),
    'a consumer that need not be new': (one) => write({ [one]: { VCPU: 1 } }, { generation: undefined }),
    'a consumer that gives back': () => write({}),
  }
  test('write nothing when one of them is to be refused, or is of another kind', async () => {
    const hosts = await hostsFor(ask)
    const [one, other] = hosts
    const first = { ...known, allocations: write({ [one]: { VCPU: 1 } }).allocations }
    assert.equal(await claimAnew(database, [[first]], NOW), true)
    const before = await contents(database, hosts)
    for (const [what, make] of Object.entries(refused)) {
      const claims = [[write({ [one]: { VCPU: 1 } })], [make(one, other)]]
      assert.equal(await claimAnew(database, claims, NOW), false, what)
      assert.deepEqual(await contents(database, hosts), before, what)
    }
    assert.equal(await claimAnew(database, [[write({ [one]: { VCPU: 19 } })]], NOW), true)
  })
})
