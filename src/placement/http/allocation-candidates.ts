/** `/allocation_candidates`: who could meet a request. */
import {
  many,
  operation,
  query,
  required,
  shownDuring,
  shownSince,
  since,
  switched,
  view,
} from '#lib/versioned/index.ts'
import type { FoundCandidate, ProviderSummary } from '../candidates/assemble.ts'
import type { Step } from '../candidates/explain.ts'
import { explainCandidates, findCandidates } from '../candidates/find.ts'
import { requestedClasses } from '../candidates/query.ts'
import { readCandidateQuery } from './candidate-query.ts'
import { type Endpoint, endpoint } from './endpoint.ts'

const limit = many({ type: ['integer', 'string'], pattern: '^[1-9][0-9]*$', minimum: 1, minLength: 1 })
const text = { type: 'array', items: { type: 'string' } } as const
const groupPolicy = many({ type: 'string', enum: ['none', 'isolate'] })

const grouped = (suffix: string, inTree: boolean) => ({
  patternProperties: Object.fromEntries(
    ['resources', 'required', 'member_of', ...(inTree ? ['in_tree'] : [])].map((name) => [
      `^${name}(${suffix})?$`,
      text,
    ]),
  ),
})

const asking = {
  versions: '1.10..',
  policy: 'placement:allocation_candidates:list',
  query: switched({
    '..1.24': query({
      resources: required(many()),
      limit: since('1.16', limit),
      required: since('1.17', many()),
      member_of: since('1.21', many()),
    }),
    '1.25..1.30': query({ limit, group_policy: groupPolicy }, grouped('[1-9][0-9]*', false)),
    '1.31..1.32': query({ limit, group_policy: groupPolicy }, grouped('[1-9][0-9]*', true)),
    '1.33..': query(
      {
        limit,
        group_policy: groupPolicy,
        root_required: since('1.35', many()),
        same_subtree: since('1.36', many()),
      },
      grouped('[a-zA-Z0-9_-]{1,64}', true),
    ),
  }),
  behaviours: {
    forbiddenTraits: '1.22..',
    severalMemberOf: '1.24..',
    nested: '1.29..',
    forbiddenAggregates: '1.32..',
    emptyGroups: '1.36..',
    anyTraits: '1.39..',
  },
} as const

const listSpec = operation({ path: 'GET /allocation_candidates', ...asking })
/** Our own: the same question, answered with which constraint left nobody. */
const explainSpec = operation({ path: 'GET /kilonova/allocation_candidates/explanation', ...asking })

const listForm = ({ taken }: FoundCandidate) =>
  [...taken]
    .filter(([, resources]) => resources.size > 0)
    .map(([provider, resources]) => ({
      resource_provider: { uuid: provider.uuid },
      resources: Object.fromEntries(resources),
    }))

const mapForm = ({ taken }: FoundCandidate) =>
  Object.fromEntries(
    [...taken]
      .filter(([, resources]) => resources.size > 0)
      .map(([provider, resources]) => [provider.uuid, { resources: Object.fromEntries(resources) }]),
  )

const candidateView = view<FoundCandidate>({
  allocations: shownDuring({ '..1.11': listForm, '1.12..': mapForm }),
  mappings: shownSince('1.34', ({ mappings }) =>
    Object.fromEntries(
      [...mappings].map(([suffix, providers]) => [suffix, providers.map(({ uuid }) => uuid)]),
    ),
  ),
})

const roomsOf = (summary: ProviderSummary, shown: (resourceClass: string) => boolean) =>
  Object.fromEntries(
    [...summary.rooms]
      .filter(([resourceClass]) => shown(resourceClass))
      .map(([resourceClass, { capacity, used }]) => [resourceClass, { capacity, used }]),
  )

const summaryView = view<ProviderSummary, { asked: ReadonlySet<string> }>({
  resources: shownDuring({
    '..1.26': (summary, { asked }) => roomsOf(summary, (resourceClass) => asked.has(resourceClass)),
    '1.27..': (summary) => roomsOf(summary, () => true),
  }),
  traits: shownSince('1.17', ({ traits }) => traits),
  parent_provider_uuid: shownSince('1.29', ({ parentUuid }) => parentUuid),
  root_provider_uuid: shownSince('1.29', ({ rootUuid }) => rootUuid),
})

type Parameters = Readonly<Record<string, readonly string[]>>

/** What was not counted to its end has at least so many. */
const stepForm = ({ group, constraint, trees, isWhole }: Step) => ({
  group: group ?? null,
  constraint,
  trees,
  ...(!isWhole && { at_least: true }),
})

export const allocationCandidateEndpoints: readonly Endpoint[] = [
  endpoint(listSpec, async (call) => {
    const asked = readCandidateQuery(call.query as Parameters, call.behaviours)
    const { found, summaries, isCut } = await findCandidates(call.scope, asked)
    const said = { at: 'placement/candidates/find', candidates: found.length, isCut }
    call.scope.log.debug(said, 'candidates found')
    const context = { asked: new Set(requestedClasses(asked)) }
    return {
      body: {
        allocation_requests: found.map((candidate) => call.show(candidateView, candidate, undefined)),
        provider_summaries: Object.fromEntries(
          summaries
            .filter((summary) => call.behaviours.nested || summary.taken)
            .map((summary) => [summary.uuid, call.show(summaryView, summary, context)]),
        ),
      },
    }
  }),
  endpoint(explainSpec, async (call) => {
    const { trees, steps, emptiedBy, sentence } = await explainCandidates(
      call.scope,
      readCandidateQuery(call.query as Parameters, call.behaviours),
    )
    return {
      body: {
        trees,
        steps: steps.map(stepForm),
        emptied_by: emptiedBy
          ? {
              ...stepForm(emptiedBy),
              trees_before: emptiedBy.treesBefore,
              lacking: emptiedBy.lacking,
            }
          : null,
        sentence,
      },
    }
  }),
]
