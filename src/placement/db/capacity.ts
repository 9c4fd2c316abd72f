/** Whether demands fit into the inventories they are made on. Used with the providers locked. */
import type { StoredAmount } from './consumers.ts'
import type { LockedProvider } from './providers.ts'

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
  used: number
}

export interface InventoryRow extends Readonly<Room> {
  readonly providerId: number
  readonly resourceClass: string
}

type Held = Pick<StoredAmount, 'providerId' | 'resourceClass' | 'used'>

/** The inventories of some providers, as they are while claims on them are written one after another. */
export interface Rooms {
  /**
   * Why the demands, which take the place of what the same consumers hold (`before`), cannot be met;
   * undefined when they can. An inventory that is over its capacity already (it shrank) refuses only to be used more.
   */
  refusal(demands: readonly Demand[], before: readonly Held[]): string | undefined
  /** Counts the demands in, and what they take the place of out. */
  take(demands: readonly Demand[], before: readonly Held[]): void
}

const keyOf = (providerId: number, resourceClass: string): string => `${providerId} ${resourceClass}`

/** What the demands in place of what was before add to each inventory's use. */
export function growthOf(demands: readonly Demand[], before: readonly Held[]): Growth[] {
  const sums = new Map<string, Growth>()
  const add = (providerId: number, resourceClass: string, by: number) => {
    const key = keyOf(providerId, resourceClass)
    sums.set(key, { providerId, resourceClass, by: (sums.get(key)?.by ?? 0) + by })
  }
  for (const { provider, resourceClass, amount } of demands) add(provider.id, resourceClass, amount)
  for (const { providerId, resourceClass, used } of before) add(providerId, resourceClass, -used)
  return [...sums.values()]
}

export interface Growth {
  readonly providerId: number
  readonly resourceClass: string
  readonly by: number
}

/** A table of the inventories that were read. */
export function roomsOf(rows: readonly InventoryRow[]): Rooms {
  const rooms = new Map<string, Room>(
    rows.map((row) => [keyOf(row.providerId, row.resourceClass), { ...row }]),
  )
  return {
    refusal(demands, before) {
      const growth = new Map(
        growthOf(demands, before).map((each) => [keyOf(each.providerId, each.resourceClass), each.by]),
      )
      for (const demand of demands) {
        const key = keyOf(demand.provider.id, demand.resourceClass)
        const why = refusalOf(demand, rooms.get(key), growth.get(key) ?? 0)
        if (why !== undefined) return why
      }
      return undefined
    },
    take(demands, before) {
      for (const { providerId, resourceClass, by } of growthOf(demands, before)) {
        const room = rooms.get(keyOf(providerId, resourceClass))
        if (room) room.used += by
      }
    },
  }
}

/** Why a demand that makes the inventory's use grow by `growth` cannot be met; undefined when it can. */
function refusalOf(demand: Demand, room: Room | undefined, growth: number): string | undefined {
  const { provider, resourceClass, amount } = demand
  if (!room) return `Inventory for '${resourceClass}' on resource provider '${provider.uuid}' invalid.`
  const unable = `Unable to create allocation for '${resourceClass}' on resource provider '${provider.uuid}'.`
  if (amount < room.minUnit || amount > room.maxUnit || amount % room.stepSize !== 0)
    return `${unable} The requested amount would violate inventory constraints.`
  if (growth > 0 && room.used + growth > (room.total - room.reserved) * room.allocationRatio)
    return `${unable} The requested amount would exceed the capacity.`
  return undefined
}
