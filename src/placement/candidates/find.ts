/** Allocation candidates: the world as it is now, searched; the answer put together. */
import { badRequest } from '#lib/fault.ts'
import type { Db } from '../db/providers.ts'
import { unknownResourceClasses } from '../db/resource-classes.ts'
import { unknownTraits } from '../db/traits.ts'
import type { Engine } from '../engine/engine.ts'
import type { World } from '../engine/world.ts'
import { assemble, type Looks, Telling } from './assemble.ts'
import type { Desk } from './desk.ts'
import { explain, type Explanation } from './explain.ts'
import { type Plan, planOf } from './plan.ts'
import { type CandidateQuery, requestedClasses } from './query.ts'
import { search, shuffled, type Way } from './search.ts'

/** What a search may cost: some tenths of a second, whatever is asked. */
const STEPS = 2_000_000
/** What an answer may hold, even without a limit, counted in its parts: some tenths of a second too, to tell it. */
const MOST_TOLD = 500_000

export interface Finding {
  readonly db: Db
  readonly engine: Engine
  readonly desk: Desk
  /** Set: candidates come in an order by chance. `[placement] randomize_allocation_candidates`. */
  readonly random?: (() => number) | undefined
}

export interface Found {
  /** The answer, in JSON; only as long as its paper is not given back. */
  readonly json: Buffer
  readonly paper: Buffer
  readonly candidates: number
  /** There may be more: the search was given up. */
  readonly isCut: boolean
}

/** Found and told as of one moment. Throws `badRequest` for a class or trait that does not exist. */
export async function findCandidates(finding: Finding, query: CandidateQuery, looks: Looks): Promise<Found> {
  const world = await finding.engine.current()
  await refuseUnknown(finding.db, world, query)
  return finding.desk.withWords((wording) =>
    findIn(world, planOf(world, query, wording), finding, query, looks),
  )
}

function findIn(world: World, plan: Plan, finding: Finding, query: CandidateQuery, looks: Looks): Found {
  const budget = { steps: STEPS }
  const telling = new Telling(world, plan)
  const ways: Way[] = []
  for (const way of search(world, plan, budget, finding.random && shuffled(finding.random))) {
    if (telling.add(way) > MOST_TOLD) break
    ways.push(way)
    if (ways.length === query.limit) break
  }
  const isCut = budget.steps <= 0 || telling.told > MOST_TOLD
  const text = assemble({ world, plan, ways, looks, desk: finding.desk })
  return { json: text.bytes(), paper: text.paper, candidates: ways.length, isCut }
}

/** Why there are no candidates. Throws as `findCandidates` does. */
export async function explainCandidates(finding: Finding, query: CandidateQuery): Promise<Explanation> {
  const world = await finding.engine.current()
  await refuseUnknown(finding.db, world, query)
  return explain(world, query)
}

/**
 * Names are looked up in the order of the real service, which tells the first that fails: the root's traits,
 * then of each group its classes before its traits. What some provider has is known to exist; for the rest
 * the database is asked, once for all classes and once for all traits.
 */
async function refuseUnknown(db: Db, world: World, query: CandidateQuery): Promise<void> {
  const groups = [...query.groups.values()]
  const required = groups.flatMap((group) => group.requiredTraits.flat())
  const forbidden = groups.flatMap((group) => group.forbiddenTraits)
  const traits = [...query.rootRequiredTraits, ...query.rootForbiddenTraits, ...required, ...forbidden]
  const classes = requestedClasses(query).filter((name) => world.holdersOf(name).size === 0)
  const unknownClasses = new Set(await unknownResourceClasses(db, classes))
  const unknown = new Set(
    await unknownTraits(
      db,
      [...new Set(traits)].filter((name) => world.withTrait(name).size === 0),
    ),
  )
  if (unknownClasses.size === 0 && unknown.size === 0) return
  refuseTraits(query.rootRequiredTraits, unknown)
  refuseTraits(query.rootForbiddenTraits, unknown)
  for (const group of groups) {
    const missing = [...group.resources.keys()].find((name) => unknownClasses.has(name))
    if (missing !== undefined)
      throw badRequest(`Invalid resource class in resources parameter: No such resource class ${missing}.`)
    refuseTraits(group.requiredTraits.flat(), unknown)
    refuseTraits(group.forbiddenTraits, unknown)
  }
}

function refuseTraits(asked: readonly string[], unknown: ReadonlySet<string>): void {
  const missing = asked.filter((name) => unknown.has(name))
  if (missing.length > 0) throw badRequest(`No such trait(s): ${missing.join(', ')}.`)
}
