/** Reads the query parameters of `/allocation_candidates` into groups and what holds for all of them. */
import { badRequest } from '#lib/fault.ts'
import { isUuidLike } from '#lib/ids.ts'
import type { CandidateQuery, RequestGroup } from '../candidates/query.ts'
import { canonicalUuid } from './endpoint.ts'
import { contradictions, readAggregates, readResources, readTraits, type TraitRules } from './parameters.ts'

export type CandidateBehaviours = Readonly<
  Record<
    'forbiddenTraits' | 'severalMemberOf' | 'nested' | 'forbiddenAggregates' | 'emptyGroups' | 'anyTraits',
    boolean
  >
>

type Parameters = Readonly<Record<string, readonly string[]>>

const GROUPED = /^(resources|required|member_of|in_tree)(.*)$/

const MISSING_VALUE = { code: 'placement.query.missing_value' }
const BAD_VALUE = { code: 'placement.query.bad_value' }

/** Throws `badRequest` for what the grammar does not allow. */
export function readCandidateQuery(parameters: Parameters, behaviours: CandidateBehaviours): CandidateQuery {
  const root = readRoot(parameters.root_required)
  const sameSubtrees = (parameters.same_subtree ?? []).map(readSubtree)
  const suffixes = new Set(Object.keys(parameters).flatMap((key) => GROUPED.exec(key)?.[2] ?? []))
  const groups = new Map([...suffixes].map((suffix) => [suffix, readGroup(parameters, suffix, behaviours)]))
  if (behaviours.emptyGroups) checkSubtrees(groups, new Set(sameSubtrees.flat()))
  else refuseOrphans(groups)
  refuseContradictions(groups)
  const groupPolicy = parameters.group_policy?.[0]
  const suffixed = [...groups.keys()].filter((suffix) => suffix !== '')
  if (groupPolicy === undefined && suffixed.length > 1)
    throw badRequest(
      'The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.',
    )
  const limit = parameters.limit?.[0]
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
  const resources = values('resources').map(readResources).at(-1)
  const traits = readTraits(values('required'), {
    forbidden: behaviours.forbiddenTraits,
    anyOf: behaviours.anyTraits,
  })
  const aggregates = readAggregates(`member_of${suffix}`, values('member_of'), {
    forbidden: behaviours.forbiddenAggregates,
    several: behaviours.severalMemberOf,
  })
  const inTree = values('in_tree').map(readTree).at(-1) ?? null
  return {
    resources: resources ?? new Map<string, number>(),
    requiredTraits: traits.required,
    forbiddenTraits: traits.forbidden,
    memberOf: aggregates.memberOf,
    forbiddenAggregates: aggregates.forbidden,
    inTree,
  }
}

function readTree(value: string): string {
  if (isUuidLike(value.trim())) return canonicalUuid(value.trim())
  throw badRequest(
    `Invalid query string parameters: Expected 'in_tree' parameter to be a format of uuid. Got: ${value}`,
  )
}

function readSubtree(value: string): string[] {
  const suffixes = value.split(',').map((suffix) => suffix.trim())
  if (suffixes.includes(''))
    throw badRequest('Empty string (unsuffixed group) can not be specified in `same_subtree` ', BAD_VALUE)
  return suffixes
}

type Groups = ReadonlyMap<string, RequestGroup>

/** Groups without resources say something only where a subtree they belong to is asked for. */
function checkSubtrees(groups: Groups, named: ReadonlySet<string>): void {
  const empty = [...groups].filter(([, group]) => group.resources.size === 0).map(([suffix]) => suffix)
  if (empty.length === groups.size)
    throw badRequest('There must be at least one resources or resources[$S] parameter.', MISSING_VALUE)
  const lost = empty.filter((suffix) => !named.has(suffix))
  if (lost.length > 0)
    throw badRequest(
      `Resourceless suffixed group request should be specified in \`same_subtree\` query param: bad group(s) - ${listOf(lost)}.`,
      BAD_VALUE,
    )
  const unknown = [...named].filter((suffix) => !groups.has(suffix))
  if (unknown.length > 0)
    throw badRequest(
      `Real suffixes should be specified in \`same_subtree\`: ${listOf(unknown)} not found in ${listOf([...groups.keys()])}.`,
      BAD_VALUE,
    )
}

const listOf = (suffixes: readonly string[]): string =>
  `[${suffixes.map((suffix) => `'${suffix}'`).join(', ')}]`

/** Before that, every group must have resources. */
function refuseOrphans(groups: Groups): void {
  const orphans = [...groups].filter(([, group]) => group.resources.size === 0)
  const keys = (name: string, has: (group: RequestGroup) => boolean): string =>
    orphans
      .filter(([, group]) => has(group))
      .map(([suffix]) => `${name}${suffix}`)
      .join(', ')
  const traits = keys('required', (group) => group.requiredTraits.length > 0)
  if (traits !== '')
    throw badRequest(
      `All traits parameters must be associated with resources.  Found the following orphaned traits keys: ${traits}`,
    )
  const aggregates = keys(
    'member_of',
    (group) => group.memberOf.length > 0 || group.forbiddenAggregates.length > 0,
  )
  if (aggregates !== '')
    throw badRequest(
      `All member_of parameters must be associated with resources. Found the following orphaned member_of keys: ${aggregates}`,
    )
  if (orphans.length > 0) throw badRequest('All request groups must specify resources.')
  if (groups.size === 0)
    throw badRequest('At least one request group (`resources` or `resources{$S}`) is required.')
}

function refuseContradictions(groups: Groups): void {
  const found = [...groups].flatMap(([suffix, group]) =>
    contradictions({ required: group.requiredTraits, forbidden: group.forbiddenTraits }).map(
      (names) => `required${suffix}: (${names})`,
    ),
  )
  if (found.length > 0)
    throw badRequest(
      `Conflicting required and forbidden traits found in the following traits keys: ${found.toSorted().join(', ')}`,
    )
}

function readRoot(values: readonly string[] | undefined): TraitRules {
  if (values === undefined) return { required: [], forbidden: [] }
  if (values.length > 1)
    throw badRequest("Query parameter 'root_required' may be specified only once.", {
      code: 'placement.query.duplicate_key',
    })
  const root = readTraits(values, { forbidden: true, anyOf: false })
  const conflicts = contradictions(root)
  if (conflicts.length > 0)
    throw badRequest(
      `Conflicting required and forbidden traits found in root_required: ${conflicts.join(', ')}`,
      BAD_VALUE,
    )
  return root
}
