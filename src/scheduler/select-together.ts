/**
 * Choosing for many who ask at the same moment. Those who ask for the same look around once; each choice knows of those
 * before it, so that they spread as one after another would; and what all chose is claimed in one request. When
 * that is refused, or there is no room for all, each is chosen for by itself.
 */
import { isFault } from '#lib/fault.ts'
import type { AllocationRequest, Consumer } from '#neighbours/placement/port.ts'
import { taking } from './candidate-hosts.ts'
import { orderByWeight } from './pick.ts'
import type { CandidateHost, SchedulingRequest } from './request.ts'
import {
  applyFilters,
  type Asked,
  askedAgain,
  lookAround,
  requestOf,
  selectHosts,
  type Selection,
  selectionOf,
  type Selector,
  type Sight,
} from './select-hosts.ts'
import { weigh } from './weighers/index.ts'

interface Waiting {
  readonly asked: Asked
  resolve(selection: Selection | Promise<Selection>): void
  reject(error: unknown): void
}

/** So many are chosen for together at most. */
const MOST = 50

/** Answers as `selectHosts` without a group; whoever asks in the same turn of the event loop is chosen for together. */
export function createSelectTogether(selector: Selector): (asked: Asked) => Promise<Selection> {
  let waiting: Waiting[] = []
  let isAnswering = false

  function go(): void {
    const all = waiting
    waiting = []
    for (let at = 0; at < all.length; at += MOST) void answer(all.slice(at, at + MOST))
  }

  /** Where a limit of servers is to hold, each must know of those before: who asks meanwhile is chosen for afterwards. */
  async function goInTurn(): Promise<void> {
    if (isAnswering) return
    isAnswering = true
    while (waiting.length > 0) await answer(waiting.splice(0, MOST))
    isAnswering = false
  }

  async function answer(questions: readonly Waiting[]): Promise<void> {
    const [only, ...others] = questions
    if (only && others.length === 0) return selectHosts(selector, only.asked).then(only.resolve, only.reject)
    try {
      const chosen = await chooseTogether(
        selector,
        questions.map(({ asked }) => asked),
      )
      const alone: Waiting[] = []
      for (const [at, question] of questions.entries()) {
        const own = chosen[at]
        if (own) question.resolve(own)
        else alone.push(question)
      }
      // One after another, since each is to know where those before it are.
      for (const { asked, resolve, reject } of alone) await selectHosts(selector, asked).then(resolve, reject)
    } catch (error) {
      for (const { reject } of questions) reject(error)
    }
  }

  return (asked) =>
    new Promise((resolve, reject) => {
      if (waiting.push({ asked, resolve, reject }) === 1)
        setImmediate(() => void (selector.chose ? goInTurn() : go()))
    })
}

/** A host for each instance of a question, not claimed yet. */
interface Choice {
  readonly sight: Sight
  readonly picks: readonly Pick[]
}

interface Pick {
  readonly consumer: Consumer
  readonly way: AllocationRequest
  /** The host it is on, and those that would have been next. */
  readonly order: readonly CandidateHost[]
}

/** What came of each question; undefined for those that are to be chosen for alone. */
async function chooseTogether(
  selector: Selector,
  questions: readonly Asked[],
): Promise<readonly (Selection | Promise<never> | undefined)[]> {
  const look = sharedLook(selector)
  const requests = await Promise.all(
    questions.map(async ({ spec }) => ({ ...(await requestOf(selector, spec)), group: undefined })),
  )
  const seen = await Promise.allSettled(requests.map(look))
  const taken: Taken = { ways: new Map(), by: new Set() }
  const choices = questions.map((asked, at) => {
    const [sight, request] = [seen[at], requests[at]]
    if (sight?.status !== 'fulfilled' || !request) return undefined
    return choose(selector, { asked, request, sight: sight.value }, taken)
  })
  const picks = choices.flatMap((choice) => choice?.picks ?? [])
  const isClaimed = picks.length > 0 && (await claimAll(selector, picks))
  return seen.map((sight, at) => {
    if (sight.status === 'rejected') return Promise.reject(sight.reason as Error)
    const { hosts, refusals, explanation } = sight.value
    if (hosts.length === 0) {
      const selections = questions[at]?.instanceUuids.map(() => []) ?? []
      return { selections, refusals: [...refusals], explanation }
    }
    const choice = choices[at]
    return isClaimed && choice ? told(selector, choice) : undefined
  })
}

/** Looks around once for all whose request is the same; Placement is asked once for the same candidates. */
function sharedLook(selector: Selector): (request: SchedulingRequest) => Promise<Sight> {
  const sights = new Map<string, Promise<Sight>>()
  const candidates = new Map<string, ReturnType<Selector['placement']['candidates']>>()
  const { placement } = selector
  const sharing: Selector = {
    ...selector,
    placement: {
      ...placement,
      candidates: (query) => shared(candidates, JSON.stringify(query), () => placement.candidates(query)),
    },
  }
  return (request) =>
    shared(sights, JSON.stringify([request.spec, request.availabilityZone]), () =>
      lookAround(sharing, request),
    )
}

function shared<T>(known: Map<string, Promise<T>>, key: string, read: () => Promise<T>): Promise<T> {
  const reading = known.get(key) ?? read()
  known.set(key, reading)
  return reading
}

/** What those before chose: by the host's node, and for whom. */
interface Taken {
  readonly ways: Map<string, AllocationRequest[]>
  readonly by: Set<string>
}

/** Undefined when one of the instances has no room beside those before it, or is one of them: then nothing is taken. */
function choose(
  selector: Selector,
  {
    asked,
    request,
    sight,
  }: { readonly asked: Asked; readonly request: SchedulingRequest; readonly sight: Sight },
  taken: Taken,
): Choice | undefined {
  const { spec, context, instanceUuids } = asked
  const { config, weighers, random } = selector
  if (instanceUuids.some((uuid) => taken.by.has(uuid))) return undefined
  let hosts = sight.hosts.map((host) => (taken.ways.get(host.node.uuid) ?? []).reduce(taking, host))
  const picks: (Pick & { readonly node: string })[] = []
  const again = askedAgain(selector, spec, false)
  for (const instanceUuid of instanceUuids) {
    const { passed } = applyFilters(hosts, again, request)
    const order = orderByWeight(weigh(passed, weighers, request), config.hostSubsetSize, random).filter(
      hasRoom,
    )
    const [host] = order
    const [way] = host?.ways ?? []
    if (!host || !way) return undefined
    hosts = hosts.map((each) => (each === host ? taking(host, way) : each))
    const consumer = { instanceUuid, projectId: spec.projectId, userId: context.userId }
    picks.push({ consumer, way, order, node: host.node.uuid })
  }
  for (const uuid of instanceUuids) taken.by.add(uuid)
  for (const { node, way } of picks) taken.ways.set(node, [...(taken.ways.get(node) ?? []), way])
  return { sight, picks }
}

/** Whether the preferred way fits into what is free of the host's whole tree; Placement has the last word. */
function hasRoom({ ways: [way], free }: CandidateHost): boolean {
  const amounts = Object.values(way ?? {}).flatMap(({ resources }) => Object.entries(resources))
  return amounts.every(([name, amount]) => (free[name] ?? Infinity) >= amount)
}

/** All or none. What Placement refuses may be one of them only: then it is to be found which. */
async function claimAll({ placement, log }: Selector, picks: readonly Pick[]): Promise<boolean> {
  try {
    if (await placement.claimAll(picks.map(({ consumer, way }) => ({ consumer, allocations: way }))))
      return true
  } catch (error) {
    if (!isFault(error, 'badGateway')) throw error
    log.warn({ err: error, claims: picks.length }, 'claims together were refused')
  }
  log.debug({ claims: picks.length }, 'not all fit together: each is claimed alone')
  return false
}

const told = (selector: Selector, { sight, picks }: Choice): Selection => ({
  selections: picks.map(({ consumer, way, order }) =>
    selectionOf(selector, { instanceUuid: consumer.instanceUuid, order, at: 0, way }),
  ),
  refusals: [...sight.refusals],
  explanation: '',
})
