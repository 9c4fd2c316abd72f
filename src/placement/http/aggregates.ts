/** `/resource_providers/{uuid}/aggregates`. */
import { list, object, operation, required, shownSince, switched, t, view } from '#lib/versioned/index.ts'
import { listAggregates, replaceAggregates } from '../db/aggregates.ts'
import { getProvider } from '../db/providers.ts'
import { canonicalUuid, type Endpoint, endpoint, param } from './endpoint.ts'
import { integer } from './shapes.ts'

const PATH = '/resource_providers/{uuid}/aggregates'
const RULE = 'placement:resource_providers:aggregates'
const uuids = list(t.uuid, { uniqueItems: true })

const listSpec = operation({ path: `GET ${PATH}`, versions: '1.1..', policy: `${RULE}:list` })
const replaceSpec = operation({
  path: `PUT ${PATH}`,
  versions: '1.1..',
  policy: `${RULE}:update`,
  body: switched({
    '..1.18': uuids,
    '1.19..': object({ aggregates: required(uuids), resource_provider_generation: required(integer()) }),
  }),
})

const aggregatesView = view<{ aggregates: readonly string[]; generation: number }>({
  aggregates: ({ aggregates }) => aggregates,
  resource_provider_generation: shownSince('1.19', ({ generation }) => generation),
})

export const aggregateEndpoints: readonly Endpoint[] = [
  endpoint(listSpec, async (call) => {
    const { id, generation } = await getProvider(call.scope.db, param(call, 'uuid'))
    const aggregates = await listAggregates(call.scope.db, id)
    return { body: call.show(aggregatesView, { aggregates, generation }, undefined) }
  }),
  endpoint(
    replaceSpec,
    async (call) => {
      const sent =
        'aggregates' in call.body
          ? call.body
          : { aggregates: call.body, resource_provider_generation: undefined }
      const aggregates = sent.aggregates.map(canonicalUuid)
      const generation = await call.write((trx, now) =>
        replaceAggregates(trx, param(call, 'uuid'), sent.resource_provider_generation, aggregates, now),
      )
      return { body: call.show(aggregatesView, { aggregates, generation }, undefined) }
    },
    { looksFirst: true },
  ),
]
