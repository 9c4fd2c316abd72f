/** Reads the query parameters of `/allocation_candidates` into groups and what holds for all of them. */
import { badRequest } from '#lib/fault.ts'
import { isUuidLike } from '#lib/ids.ts'
import type { CandidateQuery, RequestGroup } from '../candidates/query.ts'
import { canonicalUuid, last } from './endpoint.ts'
import { readAggregates, readResources, readTraits, refuseContradiction } from './parameters.ts'

export type CandidateBehaviours = Readonly<
  Record<
    'forbiddenTraits' | 'severalMemberOf' | 'nested' | 'forbiddenAggregates' | 'emptyGroups' | 'anyTraits',
    boolean
  >
>

type Parameters = Readonly<Record<string, readonly string[]>>

const GROUPED = /^(resources|required|member_of|in_tree)(.*)$/

/** Throws `badRequest` for what the grammar does not allow. */
export function readCandidateQuery(parameters: Parameters, behaviours: CandidateBehaviours): CandidateQuery {
  const suffixes = new Set(Object.keys(parameters).flatMap((key) => GROUPED.exec(key)?.[2] ?? []))
  const groups = new Map([...suffixes].map((suffix) => [suffix, readGroup(parameters, suffix, behaviours)]))
  const sameSubtrees = (parameters.same_subtree ?? []).map((value) => readSubtree(value, groups))
  refuseOrphans(groups, sameSubtrees, behaviours.emptyGroups)
  const groupPolicy = last(parameters.group_policy)
  const numbered = [...groups].filter(([suffix, group]) => suffix !== '' && group.resources.size > 0)
  if (groupPolicy === undefined && numbered.length > 1)
    throw badRequest(
      'The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.',
    )
  const limit = last(parameters.limit)
  const root = readRoot(parameters.root_required)
  return {
    groups,
    groupPolicy: groupPolicy === 'isolate' ? 'isolate' : 'none',
    rootRequiredTraits: root.required.flat(),
    rootForbiddenTraits: root.forbidden,
    sameSubtrees,
    limit: limit === undefined ? undefined : Number(limit),
    nested: behaviours.nested,
  }
}

function readGroup(parameters: Parameters, suffix: string, behaviours: CandidateBehaviours): RequestGroup {
  const values = (name: string): readonly string[] => parameters[`${name}${suffix}`] ?? []
  const resources = last(values('resources'))
  const traits = readTraits(values('required'), {
    forbidden: behaviours.forbiddenTraits,
    anyOf: behaviours.anyTraits,
  })
  refuseContradiction(`required${suffix}`, traits)
  const aggregates = readAggregates(`member_of${suffix}`, values('member_of'), {
    forbidden: behaviours.forbiddenAggregates,
    several: behaviours.severalMemberOf,
  })
  const inTree = last(values('in_tree'))
  if (inTree !== undefined && !isUuidLike(inTree))
    throw badRequest(
      `Invalid query string parameters: Expected 'in_tree' parameter to be a format of uuid. Got: ${inTree}`,
    )
  return {
    resources: resources === undefined ? new Map<string, number>() : readResources(resources),
    requiredTraits: traits.required,
    forbiddenTraits: traits.forbidden,
    memberOf: aggregates.memberOf,
    forbiddenAggregates: aggregates.forbidden,
    inTree: inTree === undefined ? null : canonicalUuid(inTree),
  }
}

function readSubtree(value: string, groups: ReadonlyMap<string, RequestGroup>): string[] {
  const suffixes = value.split(',').map((suffix) => suffix.trim())
  if (suffixes.includes(''))
    throw badRequest('Empty string (unsuffixed group) can not be specified in `same_subtree` ')
  const unknown = suffixes.filter((suffix) => !groups.has(suffix))
  if (unknown.length > 0)
    throw badRequest(
      `Real suffixes should be specified in \`same_subtree\`: ${unknown.join(', ')} not found in the request groups.`,
    )
  return suffixes
}

/** Groups without resources say something only where a subtree they belong to is asked for. */
function refuseOrphans(
  groups: ReadonlyMap<string, RequestGroup>,
  sameSubtrees: readonly (readonly string[])[],
  emptyGroups: boolean,
): void {
  const orphans = [...groups].filter(([, group]) => group.resources.size === 0)
  const named = new Set(emptyGroups ? sameSubtrees.flat() : [])
  const lost = orphans.filter(([suffix]) => !named.has(suffix)).map(([suffix, group]) => keyOf(suffix, group))
  if (lost.length > 0)
    throw badRequest(
      `All parameters must be associated with resources. Found the following orphaned keys: ${lost.join(', ')}`,
    )
  if (groups.size === orphans.length)
    throw badRequest('At least one request group (`resources` or `resources{$S}`) is required.')
}

function keyOf(suffix: string, group: RequestGroup): string {
  if (group.requiredTraits.length > 0 || group.forbiddenTraits.length > 0) return `required${suffix}`
  if (group.memberOf.length > 0 || group.forbiddenAggregates.length > 0) return `member_of${suffix}`
  return `in_tree${suffix}`
}

function readRoot(values: readonly string[] | undefined) {
  if (values === undefined) return { required: [], forbidden: [] }
  if (values.length > 1)
    throw badRequest('Query parameter "root_required" may be specified only once.', {
      code: 'placement.query.duplicate_key',
    })
  const root = readTraits(values, { forbidden: true, anyOf: false })
  refuseContradiction('root_required', root)
  return root
}
