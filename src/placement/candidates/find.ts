/** Allocation candidates: load what may matter, search it, put the answer together. */
import { badRequest } from '#lib/fault.ts'
import type { Db } from '../db/providers.ts'
import { unknownResourceClass } from '../db/resource-classes.ts'
import { unknownTraits } from '../db/traits.ts'
import { loadWorld } from '../db/world.ts'
import { assemble, type Candidates } from './assemble.ts'
import { type CandidateQuery, requestedClasses } from './query.ts'
import { type FoundCandidate, search } from './search.ts'

/** Finds candidates in a fixed number of queries. Throws `badRequest` for a class or trait that does not exist. */
export async function findCandidates(db: Db, query: CandidateQuery): Promise<Candidates> {
  await refuseUnknown(db, query)
  const world = await loadWorld(db, query)
  const found: FoundCandidate[] = []
  for (const candidate of search(world, query)) {
    found.push(candidate)
    if (found.length === query.limit) break
  }
  return assemble(world, found)
}

async function refuseUnknown(db: Db, query: CandidateQuery): Promise<void> {
  const unknown = await unknownResourceClass(db, requestedClasses(query))
  if (unknown !== undefined)
    throw badRequest(`Invalid resource class in resources parameter: No such resource class ${unknown}.`)
  const traits = [...query.groups.values()].flatMap((group) => [
    ...group.requiredTraits.flat(),
    ...group.forbiddenTraits,
  ])
  const missing = await unknownTraits(db, [
    ...new Set([...traits, ...query.rootRequiredTraits, ...query.rootForbiddenTraits]),
  ])
  if (missing.length > 0) throw badRequest(`No such trait(s): ${missing.join(', ')}.`)
}
