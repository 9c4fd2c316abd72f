/** Loads the part of the world that may matter to a query for candidates, in a fixed number of queries. */
import { sql, type SqlBool } from 'kysely'
import type { CandidateQuery } from '../candidates/query.ts'
import { requestedClasses } from '../candidates/query.ts'
import type { Room, World } from '../candidates/world.ts'
import { SHARES_VIA_AGGREGATE } from '../standard.ts'
import { fits, withTraits } from './conditions.ts'
import { capacityOf } from './inventories.ts'
import type { Db } from './providers.ts'

/**
 * The trees that have, together with those that share, room for the least that any group asks of every
 * class; nothing else can be part of a candidate.
 */
export async function loadWorld(db: Db, query: CandidateQuery): Promise<World> {
  const roots = rootsOf(db, query)
  const [providers, rooms, traits, aggregates] = [
    await loadProviders(db, roots),
    await loadRooms(db, roots),
    await loadTraits(db, roots),
    await loadAggregates(db, roots),
  ]
  return new Map(
    providers.map((provider) => [
      provider.id,
      {
        ...provider,
        rooms: rooms.get(provider.id) ?? new Map<string, Room>(),
        traits: traits.get(provider.id) ?? new Set<string>(),
        aggregates: aggregates.get(provider.id) ?? new Set<string>(),
      },
    ]),
  )
}

type Roots = ReturnType<typeof rootsOf>

/** The ids of the roots of the trees to load. */
function rootsOf(db: Db, query: CandidateQuery) {
  const sharing = db
    .selectFrom('placement_resource_providers as s')
    .select('s.root_id')
    .where('s.id', 'in', withTraits(db, [SHARES_VIA_AGGREGATE]))
  let roots = db
    .selectFrom('placement_resource_providers as r')
    .select('r.id')
    .whereRef('r.id', '=', 'r.root_id')
  for (const [resourceClass, amount] of leastAmounts(query)) {
    const able = db
      .selectFrom('placement_inventories')
      .innerJoin('placement_resource_providers as o', 'o.id', 'provider_id')
      .select('o.root_id')
      .where('resource_class', '=', resourceClass)
      .where(fits(amount))
    // A tree that lacks the class may still have it from one that shares.
    const shared = able.where('provider_id', 'in', withTraits(db, [SHARES_VIA_AGGREGATE]))
    roots = roots.where((where) =>
      where.or([where('r.id', 'in', able), where.exists(shared), where('r.id', 'in', sharing)]),
    )
  }
  return roots
}

/** Of each class asked for by only one group its amount; of others no bound but that there is something. */
function leastAmounts(query: CandidateQuery): ReadonlyMap<string, number> {
  const least = new Map<string, number>()
  for (const resourceClass of requestedClasses(query)) {
    const amounts = [...query.groups.values()].flatMap((group) => group.resources.get(resourceClass) ?? [])
    if (amounts.length === 1 && amounts[0] !== undefined) least.set(resourceClass, amounts[0])
  }
  return least
}

const loadProviders = (db: Db, roots: Roots) =>
  db
    .selectFrom('placement_resource_providers')
    .select(['id', 'uuid', 'parent_id as parentId', 'root_id as rootId'])
    .where('root_id', 'in', roots)
    .orderBy('id')
    .execute()

const ofTrees = (roots: Roots) => sql<SqlBool>`p.root_id in ${roots}`

async function loadRooms(db: Db, roots: Roots): Promise<Map<number, Map<string, Room>>> {
  const rows = await db
    .selectFrom('placement_inventories as i')
    .innerJoin('placement_resource_providers as p', 'p.id', 'i.provider_id')
    .select([
      'i.provider_id as providerId',
      'i.resource_class as resourceClass',
      'i.total',
      'i.reserved',
      'i.min_unit as minUnit',
      'i.max_unit as maxUnit',
      'i.step_size as stepSize',
      'i.allocation_ratio as allocationRatio',
      'i.used',
    ])
    .where(ofTrees(roots))
    .execute()
  const rooms = new Map<number, Map<string, Room>>()
  for (const { providerId, resourceClass, total, reserved, allocationRatio, ...room } of rows) {
    const own = rooms.get(providerId) ?? new Map<string, Room>()
    rooms.set(
      providerId,
      own.set(resourceClass, { ...room, capacity: capacityOf({ total, reserved, allocationRatio }) }),
    )
  }
  return rooms
}

async function loadTraits(db: Db, roots: Roots): Promise<Map<number, Set<string>>> {
  const rows = await db
    .selectFrom('placement_provider_traits as t')
    .innerJoin('placement_resource_providers as p', 'p.id', 't.provider_id')
    .select(['t.provider_id as providerId', 't.trait as name'])
    .where(ofTrees(roots))
    .execute()
  return setsOf(rows)
}

async function loadAggregates(db: Db, roots: Roots): Promise<Map<number, Set<string>>> {
  const rows = await db
    .selectFrom('placement_provider_aggregates as a')
    .innerJoin('placement_resource_providers as p', 'p.id', 'a.provider_id')
    .select(['a.provider_id as providerId', 'a.aggregate_uuid as name'])
    .where(ofTrees(roots))
    .execute()
  return setsOf(rows)
}

function setsOf(
  rows: readonly { readonly providerId: number; readonly name: string }[],
): Map<number, Set<string>> {
  const sets = new Map<number, Set<string>>()
  for (const { providerId, name } of rows) {
    const own = sets.get(providerId) ?? new Set<string>()
    sets.set(providerId, own.add(name))
  }
  return sets
}
