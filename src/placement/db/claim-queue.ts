/**
 * The queue of claims. Those that arrive while others are being written are written together after them:
 * the more there are, the less each costs, and a claim that is alone waits for nobody. Claims of new
 * consumers and others go apart, as the former are written in a shorter way.
 */
import type { Database } from '#db/kit/index.ts'
import type { Clock } from '#lib/clock.ts'
import type { Fault } from '#lib/fault.ts'
import { type Claim, writeAll } from './claim.ts'
import { claimAnew, isAnew } from './claim-anew.ts'
import type { ConsumerWrite } from './consumers.ts'
import type { PlacementTables } from './tables.ts'
import { ConsumerMadeMeanwhile } from './write-claims.ts'

export interface ClaimQueue {
  /**
   * Replaces the allocations of all these consumers, or of none. Throws `badRequest` (a provider or class
   * that does not exist), `conflict` with `placement.concurrent_update` (a consumer of another
   * generation), or `conflict` when something does not fit.
   */
  replace(writes: readonly ConsumerWrite[]): Promise<void>
  /** Takes everything from a consumer. Throws `notFound` when it has nothing. */
  remove(consumerUuid: string): Promise<void>
}

interface Waiting {
  readonly claim: Claim
  readonly consumers: ReadonlySet<string>
  readonly isAnew: boolean
  readonly done: (refusal: Fault | undefined) => void
  readonly failed: (error: unknown) => void
}

/** Consumers written in one transaction, unless one claim alone has more. */
const MOST_AT_ONCE = 200
const ATTEMPTS = 10

export function createClaimQueue(options: { readonly db: Database; readonly clock: Clock }): ClaimQueue {
  const { db, clock } = options
  let queue: Waiting[] = []
  let isWriting = false

  const write = async (claims: readonly Claim[]): Promise<(Fault | undefined)[]> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await db.transaction<PlacementTables, (Fault | undefined)[]>((trx) =>
          writeAll(trx, claims, clock.now()),
        )
      } catch (error) {
        if (!(error instanceof ConsumerMadeMeanwhile) || attempt === ATTEMPTS) throw error
      }
    }
  }
  const writeBatch = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      const claims = batch.map(({ claim }) => claim)
      const writes = claims.map((claim) => claim.writes)
      const refusals = (await claimAnew(db, writes, clock.now())) ? [] : await write(claims)
      for (const [index, { done }] of batch.entries()) done(refusals[index])
    } catch (error) {
      const [only, ...others] = batch
      if (others.length === 0) return only?.failed(error)
      // One of them is the cause: each is to have its own answer.
      for (const one of batch) await writeBatch([one])
    }
  }
  const writeQueued = async (): Promise<void> => {
    if (isWriting) return
    isWriting = true
    while (queue.length > 0) {
      const { batch, rest } = nextBatch(queue)
      queue = rest
      await writeBatch(batch)
    }
    isWriting = false
  }
  const enqueue = async (claim: Claim): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<Fault | undefined>()
    const consumers = new Set(claim.writes.map(({ consumerUuid }) => consumerUuid))
    queue.push({ claim, consumers, isAnew: isAnew(claim.writes), done: resolve, failed: reject })
    void writeQueued()
    const refusal = await promise
    if (refusal) throw refusal
  }
  return {
    replace: (writes) => enqueue({ writes }),
    remove: (consumerUuid) => enqueue({ writes: [removalOf(consumerUuid)], isRemoval: true }),
  }
}

/** As many as fit and are alike, in their order; of one consumer only the first, since the next must see what it did. */
function nextBatch(queue: readonly Waiting[]): { batch: Waiting[]; rest: Waiting[] } {
  const batch: Waiting[] = []
  const rest: Waiting[] = []
  const consumers = new Set<string>()
  for (const one of queue) {
    const fits = batch.length === 0 || consumers.size + one.consumers.size <= MOST_AT_ONCE
    const isAlike = one.isAnew === queue[0]?.isAnew
    const isFree = [...one.consumers].every((uuid) => !consumers.has(uuid))
    ;(fits && isAlike && isFree ? batch : rest).push(one)
    for (const uuid of one.consumers) consumers.add(uuid)
  }
  return { batch, rest }
}

const removalOf = (consumerUuid: string): ConsumerWrite => ({
  consumerUuid,
  projectId: '',
  userId: '',
  consumerType: undefined,
  generation: undefined,
  allocations: new Map(),
})
