/** Placement over HTTP. A claim is one request when nobody else is at it; so is asking for candidates. */
import type { Clock } from '#lib/clock.ts'
import { badRequest, conflict, Fault } from '#lib/fault.ts'
import type {
  AllocationRequest,
  Candidate,
  CandidateQuery,
  Claim,
  Consumer,
  Lack,
  PlacementClient,
  ProviderSummary,
  ResourceAmounts,
} from './port.ts'
import {
  createSend,
  detailOf,
  isConcurrentUpdate,
  type RequestOptions,
  type Send,
  unexpected,
} from './request.ts'
import { createProviderSync, replaceGuarded } from './sync-provider.ts'

export interface PlacementClientOptions extends RequestOptions {
  readonly clock: Clock
  /** What was made true is looked at again after this long. `[compute] resource_provider_association_refresh`. */
  readonly refreshAfterMs?: number
}

const ATTEMPTS = 5
/** Before a claim that met another one is tried again; longer each time. */
const AGAIN_MS = 20
const REFRESH_AFTER_MS = 300_000

/** Its methods throw `unavailable` when Placement is away and `badGateway` when it answers nonsense. */
export function createPlacementClient(options: PlacementClientOptions): PlacementClient {
  const send = createSend(options)
  const { clock, refreshAfterMs = REFRESH_AFTER_MS } = options
  return {
    syncProvider: createProviderSync(send, { clock, refreshAfterMs }),
    traitsOf: (providerUuid) => traitsOf(send, providerUuid),
    candidates: (query) => candidates(send, query),
    whatIsLacking: (query) => whatIsLacking(send, query),
    claim: (consumer, allocations) => claim({ send, clock }, consumer, allocations),
    claimAll: (claims) => claimAll(send, claims),
    move: (from, to) => move(send, from, to),
    release: (instanceUuid) => release(send, instanceUuid),
    allocationsOf: (instanceUuid) => readConsumer(send, instanceUuid),
    allocationsOn: (providerUuid) => allocationsOn(send, providerUuid),
    usagesOf: (projectId) => usagesOf(send, projectId),
    removeProvider: (providerUuid) => removeProvider(send, providerUuid),
    changeAggregates: (providerUuid, change) => changeAggregates(send, providerUuid, change),
  }
}

function queryString(query: CandidateQuery): string {
  const traits = [...query.requiredTraits, ...query.forbiddenTraits.map((trait) => `!${trait}`)]
  const parameters: [string, string][] = [
    [
      'resources',
      Object.entries(query.resources)
        .map(([name, amount]) => `${name}:${amount}`)
        .join(','),
    ],
    ...(traits.length > 0 ? [['required', traits.join(',')] as [string, string]] : []),
    ...query.memberOf.map((anyOf) => ['member_of', `in:${anyOf.join(',')}`] as [string, string]),
    ...(query.notMemberOf ? [['member_of', `!in:${query.notMemberOf.join(',')}`] as [string, string]] : []),
    ...(query.inTree === undefined ? [] : [['in_tree', query.inTree] as [string, string]]),
    ['limit', String(query.limit)],
  ]
  return new URLSearchParams(parameters).toString()
}

/** Throws `badRequest` when Placement knows no such class or trait. */
async function candidates(send: Send, query: CandidateQuery) {
  const answer = await send('GET', `/allocation_candidates?${queryString(query)}`)
  if (answer.status === 400) throw badRequest(detailOf(answer))
  if (answer.status !== 200) throw unexpected('asked for candidates', answer)
  const body = answer.json as {
    allocation_requests: readonly Candidate[]
    provider_summaries: Readonly<Record<string, ProviderSummary & { readonly root_provider_uuid: string }>>
  }
  const providers = Object.entries(body.provider_summaries).map(([uuid, summary]) => {
    const { resources, traits, root_provider_uuid: rootUuid } = summary
    return [uuid, { resources, traits, rootUuid }] as const
  })
  return { candidates: body.allocation_requests, providers: Object.fromEntries(providers) }
}

/** Our own Placement tells; the real one has no such path. */
async function whatIsLacking(send: Send, query: CandidateQuery): Promise<Lack | undefined> {
  const answer = await send('GET', `/kilonova/allocation_candidates/explanation?${queryString(query)}`)
  if (answer.status === 404) return undefined
  if (answer.status !== 200) throw unexpected('asked why there are no candidates', answer)
  const { emptied_by: emptiedBy } = answer.json as {
    emptied_by: { trees_before: number; lacking: string } | null
  }
  return emptiedBy ? { trees: emptiedBy.trees_before, lacking: emptiedBy.lacking } : undefined
}

const consumerBody = (consumer: Consumer, allocations: AllocationRequest) => ({
  allocations,
  project_id: consumer.projectId,
  user_id: consumer.userId,
  // It must not hold anything.
  consumer_generation: null,
  consumer_type: consumer.type ?? 'INSTANCE',
})

/**
 * Takes the allocations for an instance that holds none: what it holds is never replaced, since a claim may
 * come late, when nobody waits for it any more. Only a claim that fails costs a look at what is held.
 */
async function claim(
  { send, clock }: { readonly send: Send; readonly clock: Clock },
  consumer: Consumer,
  allocations: AllocationRequest,
): Promise<boolean> {
  const path = `/allocations/${consumer.instanceUuid}`
  for (let attempt = 1; ; attempt++) {
    const answer = await send('PUT', path, consumerBody(consumer, allocations))
    if (answer.status === 204) return true
    if (answer.status !== 409) throw unexpected('asked to allocate', answer)
    if (!isConcurrentUpdate(answer)) return false
    const held = await readConsumer(send, consumer.instanceUuid)
    if (sameAllocations(held, allocations)) return true
    if (Object.keys(held).length > 0)
      throw conflict(`Instance ${consumer.instanceUuid} holds resources already.`)
    // There may be room: nobody has said that there is none.
    if (attempt === ATTEMPTS) throw new Fault('unavailable', 'The placement service is too busy to allocate.')
    await clock.sleep(AGAIN_MS * 2 ** attempt)
  }
}

/** What is in the way of one of them (it may be this very claim, done before) is told by `claim`. */
async function claimAll(send: Send, claims: readonly Claim[]): Promise<boolean> {
  const bodies = claims.map(({ consumer, allocations }) => [
    consumer.instanceUuid,
    consumerBody(consumer, allocations),
  ])
  const answer = await send('POST', '/allocations', Object.fromEntries(bodies))
  if (answer.status === 204) return true
  if (answer.status === 409) return false
  throw unexpected('asked to allocate for several', answer)
}

async function readConsumer(send: Send, uuid: string): Promise<AllocationRequest> {
  const answer = await send('GET', `/allocations/${uuid}`)
  if (answer.status !== 200) throw unexpected('asked for allocations', answer)
  return allocationsIn((answer.json as HeldBody).allocations)
}

/** Without what else an answer tells of them. */
const allocationsIn = (allocations: HeldBody['allocations']): AllocationRequest =>
  Object.fromEntries(
    Object.entries(allocations).map(([provider, { resources }]) => [provider, { resources }]),
  )

function sameAllocations(a: AllocationRequest, b: AllocationRequest): boolean {
  const flat = (allocations: AllocationRequest) =>
    Object.entries(allocations)
      .flatMap(([provider, { resources }]) =>
        Object.entries(resources).map(([name, amount]) => `${provider} ${name} ${amount}`),
      )
      .sort()
      .join('|')
  return flat(a) === flat(b)
}

/** Both sides change, or neither: the resources are nobody's at no moment. */
async function move(send: Send, from: Consumer, to: Consumer): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const held = await send('GET', `/allocations/${from.instanceUuid}`)
    if (held.status !== 200) throw unexpected('asked for allocations', held)
    const { allocations, consumer_generation: generation } = held.json as HeldBody
    if (Object.keys(allocations).length === 0) return
    const answer = await send('POST', '/allocations', {
      [from.instanceUuid]: { ...consumerBody(from, {}), consumer_generation: generation ?? null },
      [to.instanceUuid]: consumerBody(to, allocationsIn(allocations)),
    })
    if (answer.status === 204) return
    if (!isConcurrentUpdate(answer) || attempt === ATTEMPTS)
      throw unexpected('asked to move allocations', answer)
  }
}

interface HeldBody {
  readonly allocations: Readonly<Record<string, { resources: ResourceAmounts }>>
  readonly consumer_generation?: number
}

async function release(send: Send, uuid: string): Promise<void> {
  const answer = await send('DELETE', `/allocations/${uuid}`)
  if (answer.status !== 204 && answer.status !== 404)
    throw unexpected('asked to give back allocations', answer)
}

async function removeProvider(send: Send, uuid: string): Promise<void> {
  for (const consumer of Object.keys(await allocationsOn(send, uuid))) await release(send, consumer)
  const answer = await send('DELETE', `/resource_providers/${uuid}`)
  if (answer.status !== 204 && answer.status !== 404) throw unexpected('asked to remove a provider', answer)
}

async function traitsOf(send: Send, providerUuid: string): Promise<readonly string[]> {
  const answer = await send('GET', `/resource_providers/${providerUuid}/traits`)
  if (answer.status === 404) return []
  if (answer.status !== 200) throw unexpected('asked for the traits of a provider', answer)
  return (answer.json as { traits: readonly string[] }).traits
}

async function allocationsOn(send: Send, providerUuid: string) {
  const answer = await send('GET', `/resource_providers/${providerUuid}/allocations`)
  if (answer.status === 404) return {}
  if (answer.status !== 200) throw unexpected('asked for the allocations on a provider', answer)
  return (answer.json as { allocations: Readonly<Record<string, { readonly resources: ResourceAmounts }>> })
    .allocations
}

/** By type of consumer, each with how many there are. */
type Usages = Readonly<Record<string, Readonly<Record<string, number>>>>

async function usagesOf(send: Send, projectId: string): Promise<ResourceAmounts> {
  const answer = await send('GET', `/usages?project_id=${encodeURIComponent(projectId)}`)
  if (answer.status !== 200) throw unexpected('asked for the usages of a project', answer)
  const amounts: Record<string, number> = {}
  for (const { consumer_count: _count, ...resources } of Object.values(
    (answer.json as { usages: Usages }).usages,
  ))
    for (const [name, amount] of Object.entries(resources)) amounts[name] = (amounts[name] ?? 0) + amount
  return amounts
}

const changeAggregates = (
  send: Send,
  providerUuid: string,
  { add, remove }: { readonly add?: string; readonly remove?: string },
): Promise<void> =>
  replaceGuarded(send, `/resource_providers/${providerUuid}/aggregates`, (body) => {
    const current = (body as { aggregates: readonly string[] }).aggregates
    const isDone =
      (add === undefined || current.includes(add)) && (remove === undefined || !current.includes(remove))
    if (isDone) return undefined
    const kept = current.filter((uuid) => uuid !== remove && uuid !== add)
    return { aggregates: add === undefined ? kept : [...kept, add] }
  })
