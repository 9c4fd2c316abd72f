/**
 * Choosing hosts: the request is narrowed, Placement proposes, filters refuse, weighers order, and the
 * best is claimed in Placement; those after it are alternates. Every refusal is recorded with its reason.
 */
import type { Refusal, RequestSpec, SelectedHost } from '#contracts/scheduler.ts'
import { isFault } from '#lib/fault.ts'
import type { Log } from '#lib/log.ts'
import type { RequestContext } from '#model/request-context.ts'
import type { AllocationRequest, CandidateQuery, PlacementClient } from '#neighbours/placement/port.ts'
import { candidateHosts, taking } from './candidate-hosts.ts'
import type { SchedulerConfig } from './config.ts'
import {
  explainLostRaces,
  explainRefusals,
  explainRefusedQuery,
  explainShortage,
  noHostsAtAll,
  type Proposing,
} from './explain.ts'
import { type Filter, FORCED, type Judge } from './filters/index.ts'
import { joinedBy } from './groups.ts'
import { type NotesOn, withLikeness } from './likeness.ts'
import { orderByWeight, type Random } from './pick.ts'
import { REQUEST_FILTERS, zoneAggregates } from './request-filters/index.ts'
import type { CandidateHost, GroupSight, SchedulingRequest } from './request.ts'
import { needsOf } from './resources.ts'
import type { Snapshot, Snapshots } from './snapshot.ts'
import { weigh, type Weigher } from './weighers/index.ts'

export interface Selector {
  readonly placement: Proposing & Pick<PlacementClient, 'claim' | 'claimAll'>
  readonly snapshots: Snapshots
  readonly filters: readonly Filter[]
  readonly weighers: readonly Weigher[]
  /** The hosts of servers: of those that are on one. One question for all. */
  readonly hostsOf: (instanceUuids: readonly string[]) => Promise<ReadonlyMap<string, string>>
  /** What is noted of the servers on hosts: asked only where it weighs. */
  readonly notesOn: NotesOn
  /** Remembers what was chosen, where hosts' servers are counted. */
  readonly chose?: (instanceUuid: string, host: string) => void
  readonly config: SchedulerConfig
  readonly random: Random
  readonly now: () => number
  readonly log: Log
}

export interface Asked {
  readonly context: RequestContext
  readonly spec: RequestSpec
  readonly instanceUuids: readonly string[]
}

export interface Selection {
  /** For each instance the host that was claimed for it, then alternates; empty when there is none. */
  readonly selections: SelectedHost[][]
  readonly refusals: Refusal[]
  /** Empty when every instance has a host. */
  readonly explanation: string
}

/** How often to look again after others were faster with all that was found. */
const ROUNDS = 3

/** What one look around found. */
export interface Sight {
  readonly hosts: readonly CandidateHost[]
  readonly refusals: readonly Refusal[]
  /** Why there are no hosts. */
  readonly explanation: string
}

export async function selectHosts(selector: Selector, asked: Asked, group?: GroupSight): Promise<Selection> {
  let request: SchedulingRequest = { ...(await requestOf(selector, asked.spec)), group }
  const selections: SelectedHost[][] = asked.instanceUuids.map(() => [])
  let refusals: readonly Refusal[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    const sight = await lookAround(selector, request)
    refusals = sight.refusals
    if (sight.hosts.length === 0)
      return { selections, refusals: [...refusals], explanation: sight.explanation }
    const outcome = await place(selector, asked, request, sight.hosts, selections)
    refusals = [...refusals, ...outcome.refusals]
    const isDone = selections.every((selection) => selection.length > 0)
    if (isDone || outcome.explanation !== '')
      return { selections, refusals: [...refusals], explanation: isDone ? '' : outcome.explanation }
    request = { ...request, group: group && outcome.placed.reduce(joinedBy, group) }
    group = request.group
  }
  return { selections, refusals: [...refusals], explanation: explainLostRaces() }
}

/** The request, with what the filters have to know of the servers it names. */
export async function requestOf(
  selector: Selector,
  spec: RequestSpec,
): Promise<Omit<SchedulingRequest, 'group'>> {
  const { config, now, hostsOf } = selector
  const named = new Set(filtersFor(selector, spec).flatMap((filter) => filter.servers?.(spec) ?? []))
  return {
    spec,
    availabilityZone: spec.availabilityZone ?? config.defaultScheduleZone,
    config,
    hostOf: named.size === 0 ? new Map() : await hostsOf([...named]),
    now: now(),
  }
}

export async function lookAround(selector: Selector, request: SchedulingRequest): Promise<Sight> {
  let snapshot = await selector.snapshots.take()
  const proposed = await propose(selector, request, snapshot)
  if (typeof proposed === 'string') return { hosts: [], refusals: [], explanation: proposed }
  const { candidates, providers } = proposed
  let found = candidateHosts(snapshot, candidates, providers)
  if (found.strangers.length > 0) {
    snapshot = await selector.snapshots.refresh()
    found = candidateHosts(snapshot, candidates, providers)
  }
  const filters = filtersFor(selector, request.spec)
  const { passed, refusals } = applyFilters(found.hosts, filters, request)
  const unknown = found.strangers.map((uuid) => ({
    host: uuid,
    by: 'Placement',
    reason: 'is no compute node that is known here',
  }))
  const explanation = found.hosts.length === 0 ? noHostsAtAll() : explainRefusals(refusals, filters, request)
  const hosts = await withLikeness(passed, request, selector.notesOn)
  return { hosts, refusals: [...refusals, ...unknown], explanation }
}

type Proposed = Awaited<ReturnType<PlacementClient['candidates']>>

/** What Placement proposes; or why it proposes nothing. */
async function propose(
  selector: Selector,
  request: SchedulingRequest,
  snapshot: Snapshot,
): Promise<Proposed | string> {
  const { placement } = selector
  try {
    const query = queryOf(selector, request, snapshot)
    const inZone = zoneAggregates(query, request, snapshot)
    const proposed = await placement.candidates(inZone)
    if (proposed.candidates.length > 0) return proposed
    // Hosts of the zone that Placement was not told of are found without it, and why there are none is said by the filter.
    const anywhere = inZone === query ? proposed : await placement.candidates(query)
    return anywhere.candidates.length > 0 ? anywhere : await explainShortage(placement, query, snapshot)
  } catch (error) {
    if (!isFault(error, 'badRequest')) throw error
    return explainRefusedQuery(error.message)
  }
}

function queryOf({ config }: Selector, request: SchedulingRequest, snapshot: Snapshot): CandidateQuery {
  const plain: CandidateQuery = { ...needsOf(request.spec), memberOf: [], limit: config.maxPlacementResults }
  return REQUEST_FILTERS.reduce((query, filter) => filter(query, request, snapshot), plain)
}

/** An admin who names a host gets it, unless the filters are to be heeded. */
function filtersFor({ filters }: Selector, spec: RequestSpec): readonly Filter[] {
  if (spec.forceHost === null && spec.forceNode === null) return filters
  return spec.heedsFilters === true ? [...FORCED, ...filters] : FORCED
}

/** Those that are to be asked again after each server that was placed. */
export const askedAgain = (selector: Selector, spec: RequestSpec, isInGroup: boolean): readonly Filter[] =>
  filtersFor(selector, spec).filter(({ asksAgain }) =>
    isInGroup ? asksAgain !== undefined : asksAgain === 'always',
  )

/** Asks each filter about each host; the first that refuses it is the reason. */
export function applyFilters(
  hosts: readonly CandidateHost[],
  filters: readonly Filter[],
  request: SchedulingRequest,
): { readonly passed: CandidateHost[]; readonly refusals: Refusal[] } {
  const judges = filters.flatMap((filter) => {
    const judge = filter.judge(request)
    return judge ? [{ by: filter.name, judge }] : []
  })
  if (judges.length === 0) return { passed: [...hosts], refusals: [] }
  const passed: CandidateHost[] = []
  const refusals: Refusal[] = []
  for (const host of hosts) {
    const refusal = firstRefusal(host, judges)
    if (refusal) refusals.push(refusal)
    else passed.push(host)
  }
  return { passed, refusals }
}

function firstRefusal(
  host: CandidateHost,
  judges: readonly { readonly by: string; readonly judge: Judge }[],
): Refusal | undefined {
  for (const { by, judge } of judges) {
    const reason = judge(host)
    if (reason !== undefined) return { host: host.node.host, by, reason }
  }
  return undefined
}

interface Placed {
  /** The hosts that were claimed, one for each instance that now has one. */
  readonly placed: readonly string[]
  /** The hosts that were lost to others; or why there is none for one of the instances. */
  readonly refusals: readonly Refusal[]
  /** Why looking again is of no use; empty when it may be. */
  readonly explanation: string
}

/** Claims a host for each instance that has none yet, each time asking and weighing anew. */
async function place(
  selector: Selector,
  { context, spec, instanceUuids }: Asked,
  request: SchedulingRequest,
  hosts: readonly CandidateHost[],
  selections: SelectedHost[][],
): Promise<Placed> {
  const lost: Refusal[] = []
  const placed: string[] = []
  let left = hosts
  let { group } = request
  const again = askedAgain(selector, spec, group !== undefined)
  for (const [index, instanceUuid] of instanceUuids.entries()) {
    if (selections[index]?.length !== 0) continue
    const consumer = { instanceUuid, projectId: spec.projectId, userId: context.userId }
    const now = { ...request, group }
    const { passed, refusals } = applyFilters(left, again, now)
    if (passed.length === 0 && lost.length === 0)
      return { placed, refusals, explanation: explainRefusals(refusals, again, now) }
    const weights = weigh(passed, selector.weighers, now)
    const order = orderByWeight(weights, selector.config.hostSubsetSize, selector.random)
    for (const [at, host] of order.entries()) {
      const way = await claimAny(selector.placement, consumer, host.ways)
      if (!way) {
        lost.push({ host: host.node.host, by: 'Placement', reason: 'another request took what was free' })
        left = left.filter((each) => each !== host)
        continue
      }
      left = left.map((each) => (each === host ? taking(host, way) : each))
      placed.push(host.node.host)
      group &&= joinedBy(group, host.node.host)
      selections[index] = selectionOf(selector, { instanceUuid, order, at, way })
      break
    }
  }
  return { placed, refusals: lost, explanation: '' }
}

/** What is answered for an instance that is on the host number `at` of the order, in this way; and says so in the log. */
export function selectionOf(
  { config, log, chose }: Selector,
  {
    instanceUuid,
    order,
    at,
    way,
  }: {
    readonly instanceUuid: string
    readonly order: readonly CandidateHost[]
    readonly at: number
    readonly way: AllocationRequest
  },
): SelectedHost[] {
  const [host, ...alternates] = order.slice(at, at + config.maxAttempts)
  if (!host) return []
  const chosen = { instance: instanceUuid, host: host.node.host, considered: order.length }
  chose?.(instanceUuid, host.node.host)
  log.debug({ at: 'scheduler/select-hosts', ...chosen }, 'host selected')
  return [selected(host, way), ...alternates.flatMap((each) => firstWay(each))]
}

async function claimAny(
  placement: Selector['placement'],
  consumer: Parameters<PlacementClient['claim']>[0],
  ways: readonly AllocationRequest[],
): Promise<AllocationRequest | undefined> {
  for (const way of ways) if (await placement.claim(consumer, way)) return way
  return undefined
}

const firstWay = (host: CandidateHost): SelectedHost[] =>
  host.ways.slice(0, 1).map((way) => selected(host, way))

const selected = (host: CandidateHost, way: AllocationRequest): SelectedHost => ({
  host: host.node.host,
  node: host.node.hypervisorHostname,
  providerId: host.node.uuid,
  availabilityZone: host.availabilityZone,
  allocations: Object.fromEntries(
    Object.entries(way).map(([uuid, { resources }]) => [uuid, { resources: { ...resources } }]),
  ),
})
