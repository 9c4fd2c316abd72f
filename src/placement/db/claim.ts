/**
 * Claims: who takes what from whom. A claim replaces all that its consumers have, or does nothing. Many
 * are written in one transaction, which first takes the rows of all consumers and providers concerned, so
 * that what is checked is what is written against: capacity is never exceeded and no write is lost. Each
 * claim is checked as if those before it had been written; one that is refused leaves the others alone.
 */
import { badRequest, conflict, type Fault, notFound } from '#lib/fault.ts'
import { type Demand, roomsOf, type Rooms } from './capacity.ts'
import {
  type ConsumerWrite,
  insertConsumers,
  lockConsumers,
  removeConsumers,
  type StoredAmount,
  type StoredConsumer,
} from './consumers.ts'
import { lockInventories } from './lock-inventories.ts'
import type { LockedProvider, Trx } from './providers.ts'
import { unknownResourceClasses } from './resource-classes.ts'
import { type Accepted, writeClaims } from './write-claims.ts'

/** What one request asks for: all of it, or nothing. */
export interface Claim {
  readonly writes: readonly ConsumerWrite[]
  /** The consumer must have something: its allocations are being deleted, which no generation tells of. */
  readonly isRemoval?: boolean
}

const NO_ID = -1
const CONCURRENT = { code: 'placement.concurrent_update' }

/**
 * Writes one claim in a transaction that does more. Throws `badRequest` (a provider or class that does
 * not exist), `conflict` with `placement.concurrent_update` (a consumer of another generation), or
 * `conflict` when something does not fit.
 */
export async function replaceAllocations(
  trx: Trx,
  writes: readonly ConsumerWrite[],
  now: number,
): Promise<void> {
  const [fault] = await writeAll(trx, [{ writes }], now)
  if (fault) throw fault
}

/**
 * Writes the claims, of which no two may be of one consumer. Answers for each why it was refused, or
 * undefined when it was not.
 */
export async function writeAll(
  trx: Trx,
  claims: readonly Claim[],
  now: number,
): Promise<(Fault | undefined)[]> {
  const found = await lockAll(trx, claims, now)
  const accepted: Accepted[] = []
  const unmade: number[] = []
  const answers = claims.map((claim) => {
    const checked = check(claim, found)
    if ('refused' in checked) {
      for (const { consumerUuid } of claim.writes) unmade.push(found.made.get(consumerUuid) ?? NO_ID)
      return checked.refused
    }
    accepted.push(checked)
    found.rooms.take(checked.demands, checked.before)
    return undefined
  })
  await removeConsumers(
    trx,
    unmade.filter((id) => id !== NO_ID),
  )
  await writeClaims(trx, accepted, found.made, now)
  return answers
}

/** What claims are checked against; nobody else changes it until the transaction ends. */
interface Found {
  readonly consumers: ReadonlyMap<string, StoredConsumer>
  /** Ids of consumers that had to be new, and are there now. */
  readonly made: ReadonlyMap<string, number>
  readonly amounts: ReadonlyMap<number, readonly StoredAmount[]>
  readonly providers: ReadonlyMap<string, LockedProvider>
  readonly unknownClasses: ReadonlySet<string>
  readonly rooms: Rooms
}

/** Consumers first, then providers: in one order for everybody. */
async function lockAll(trx: Trx, claims: readonly Claim[], now: number): Promise<Found> {
  const writes = claims.flatMap((claim) => claim.writes)
  // Who must be new is made without being looked for; a claim is mostly that.
  const made = await insertConsumers(trx, writes.filter(mustBeNew), now)
  const others = writes.filter(({ consumerUuid }) => !made.has(consumerUuid))
  const { consumers, amounts } = await lockConsumers(trx, others)
  const held = [...amounts.values()].flat().map((each) => each.providerId)
  const uuids = new Set(writes.flatMap((write) => [...write.allocations.keys()]))
  const resources = writes.flatMap((write) => [...write.allocations.values()])
  const classes = new Set(resources.flatMap((amounts) => [...amounts.keys()]))
  const unknownClasses = new Set(await unknownResourceClasses(trx, [...classes]))
  const known = [...classes].filter((name) => !unknownClasses.has(name))
  const locked = await lockInventories(trx, { uuids: [...uuids], ids: [...new Set(held)] }, known)
  const providers = new Map(locked.providers.map((each) => [each.uuid, each]))
  return { consumers, made, amounts, providers, unknownClasses, rooms: roomsOf(locked.inventories) }
}

const mustBeNew = ({ generation, allocations }: ConsumerWrite): boolean =>
  generation === null && allocations.size > 0

function check({ writes, isRemoval = false }: Claim, found: Found): Accepted | { refused: Fault } {
  const before: StoredAmount[] = []
  for (const write of writes) {
    const consumer = found.consumers.get(write.consumerUuid)
    const amounts = consumer ? (found.amounts.get(consumer.id) ?? []) : []
    if (isRemoval && amounts.length === 0)
      return { refused: notFound(`No allocations for consumer '${write.consumerUuid}'`) }
    const refused = refuseGeneration(write, consumer)
    if (refused) return { refused }
    before.push(...amounts)
  }
  const demands: (Demand & { readonly consumerUuid: string })[] = []
  for (const { consumerUuid, allocations } of writes) {
    for (const [uuid, resources] of allocations) {
      const provider = found.providers.get(uuid)
      if (!provider)
        return { refused: badRequest(`Allocation for resource provider '${uuid}' that does not exist.`) }
      for (const [resourceClass, amount] of resources)
        demands.push({ consumerUuid, provider, resourceClass, amount })
    }
  }
  const unknown = demands.find(({ resourceClass }) => found.unknownClasses.has(resourceClass))
  if (unknown)
    return {
      refused: badRequest(`Unable to allocate inventory: No such resource class ${unknown.resourceClass}.`),
    }
  const why = found.rooms.refusal(demands, before)
  if (why !== undefined) return { refused: conflict(`Unable to allocate inventory: ${why}`) }
  return { writes, isRemoval, demands, before, consumers: found.consumers }
}

function refuseGeneration(write: ConsumerWrite, stored: StoredConsumer | undefined): Fault | undefined {
  if (write.generation === undefined || write.generation === (stored?.generation ?? null)) return undefined
  return conflict(
    `consumer generation conflict - expected ${stored?.generation ?? 'null'} but got ${write.generation ?? 'None'}`,
    CONCURRENT,
  )
}
