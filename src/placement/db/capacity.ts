/** Whether demands fit into the inventories they are made on. Called with the providers locked. */
import { conflict } from '#lib/fault.ts'
import type { LockedProvider, Trx } from './providers.ts'

export interface Demand {
  readonly provider: LockedProvider
  readonly resourceClass: string
  readonly amount: number
}

interface Room {
  readonly total: number
  readonly reserved: number
  readonly minUnit: number
  readonly maxUnit: number
  readonly stepSize: number
  readonly allocationRatio: number
  readonly used: number
}

const keyOf = (providerId: number, resourceClass: string): string => `${providerId} ${resourceClass}`

function sumBy<T>(
  items: readonly T[],
  key: (item: T) => string,
  amount: (item: T) => number,
): Map<string, number> {
  const sums = new Map<string, number>()
  for (const item of items) sums.set(key(item), (sums.get(key(item)) ?? 0) + amount(item))
  return sums
}

/**
 * Checks all demands, which take the place of `before`, what the same consumers hold now. Throws
 * `conflict`. An inventory that is over its capacity already (it shrank) refuses only to be used more.
 */
export async function checkCapacity(
  trx: Trx,
  demands: readonly Demand[],
  before: readonly { readonly providerId: number; readonly resourceClass: string; readonly used: number }[],
): Promise<void> {
  if (demands.length === 0) return
  const rooms = await roomsOf(trx, demands)
  const given = sumBy(
    before,
    (each) => keyOf(each.providerId, each.resourceClass),
    (each) => each.used,
  )
  const wanted = sumBy(
    demands,
    (each) => keyOf(each.provider.id, each.resourceClass),
    (each) => each.amount,
  )
  for (const demand of demands) {
    const key = keyOf(demand.provider.id, demand.resourceClass)
    const why = refusal(demand, rooms.get(key), (wanted.get(key) ?? 0) - (given.get(key) ?? 0))
    if (why !== undefined) throw conflict(`Unable to allocate inventory: ${why}`)
  }
}

/** Why a demand that makes the inventory's use grow by `growth` cannot be met; undefined when it can. */
function refusal(demand: Demand, room: Room | undefined, growth: number): string | undefined {
  const { provider, resourceClass, amount } = demand
  if (!room) return `Inventory for '${resourceClass}' on resource provider '${provider.uuid}' invalid.`
  const unable = `Unable to create allocation for '${resourceClass}' on resource provider '${provider.uuid}'.`
  if (amount < room.minUnit || amount > room.maxUnit || amount % room.stepSize !== 0)
    return `${unable} The requested amount would violate inventory constraints.`
  if (growth > 0 && room.used + growth > (room.total - room.reserved) * room.allocationRatio)
    return `${unable} The requested amount would exceed the capacity.`
  return undefined
}

async function roomsOf(trx: Trx, demands: readonly Demand[]): Promise<ReadonlyMap<string, Room>> {
  const rows = await trx
    .selectFrom('placement_inventories')
    .select([
      'provider_id as providerId',
      'resource_class as resourceClass',
      'total',
      'reserved',
      'min_unit as minUnit',
      'max_unit as maxUnit',
      'step_size as stepSize',
      'allocation_ratio as allocationRatio',
      'used',
    ])
    .where('provider_id', 'in', [...new Set(demands.map((demand) => demand.provider.id))])
    .where('resource_class', 'in', [...new Set(demands.map((demand) => demand.resourceClass))])
    .execute()
  return new Map(rows.map((row) => [keyOf(row.providerId, row.resourceClass), row]))
}
