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
import type { CandidateExample, ProviderExample } from '../candidates/assemble.ts'
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

const listForm = ({ taken }: CandidateExample) =>
  [...taken].map(([uuid, resources]) => ({
    resource_provider: { uuid },
    resources: Object.fromEntries(resources),
  }))

const mapForm = ({ taken }: CandidateExample) =>
  Object.fromEntries(
    [...taken].map(([uuid, resources]) => [uuid, { resources: Object.fromEntries(resources) }]),
  )

const candidateView = view<CandidateExample>({
  allocations: shownDuring({ '..1.11': listForm, '1.12..': mapForm }),
  mappings: shownSince('1.34', ({ mappings }) => Object.fromEntries(mappings)),
})

const roomsOf = ({ rooms }: ProviderExample, shown: (resourceClass: string) => boolean) =>
  Object.fromEntries([...rooms].filter(([resourceClass]) => shown(resourceClass)))

const providerView = view<ProviderExample, { asked: ReadonlySet<string> }>({
  resources: shownDuring({
    '..1.26': (provider, { asked }) => roomsOf(provider, (resourceClass) => asked.has(resourceClass)),
    '1.27..': (provider) => roomsOf(provider, () => true),
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
    const context = { asked: new Set(requestedClasses(asked)) }
    const { json, paper, candidates, isCut } = await findCandidates(call.scope, asked, {
      candidate: (example) => call.show(candidateView, example, undefined),
      provider: (example) => call.show(providerView, example, context),
      allOfTrees: call.behaviours.nested,
    })
    call.scope.log.debug({ at: 'placement/candidates/find', candidates, isCut }, 'candidates found')
    return { json, onSent: () => call.scope.desk.giveBack(paper) }
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
