/** `/allocations` of consumers, and those on a provider. */
import { badRequest } from '#lib/fault.ts'
import { isUuidLike } from '#lib/ids.ts'
import { operation, shownSince, view } from '#lib/versioned/index.ts'
import {
  allocationsOfConsumer,
  allocationsOnProvider,
  type ConsumerAllocation,
  type ProviderAllocation,
} from '../db/allocations.ts'
import { getProvider } from '../db/providers.ts'
import { postedConsumer, putBody, type SentConsumer, writeOf } from './allocation-shapes.ts'
import { type Endpoint, endpoint, param } from './endpoint.ts'
import { mapOf, UUID_KEY } from './shapes.ts'

const RULE = 'placement:allocations'
const CONSUMER_PATH = '/allocations/{consumer_uuid}'

const postSpec = operation({
  path: 'POST /allocations',
  versions: '1.13..',
  policy: `${RULE}:manage`,
  status: 204,
  body: mapOf(UUID_KEY, postedConsumer, { minProperties: 1 }),
})
const showSpec = operation({ path: `GET ${CONSUMER_PATH}`, policy: `${RULE}:list` })
const putSpec = operation({
  path: `PUT ${CONSUMER_PATH}`,
  policy: `${RULE}:update`,
  status: 204,
  body: putBody,
})
const removeSpec = operation({ path: `DELETE ${CONSUMER_PATH}`, policy: `${RULE}:delete`, status: 204 })
const onProviderSpec = operation({
  path: 'GET /resource_providers/{uuid}/allocations',
  policy: 'placement:resource_providers:allocations:list',
})

type AllocationMap = Readonly<Record<string, unknown>>

/** A consumer without allocations shows nothing but that it has none. */
const consumerView = view<ConsumerAllocation | undefined, { allocations: AllocationMap }>({
  allocations: (_consumer, { allocations }) => allocations,
  project_id: shownSince('1.12', (consumer) => consumer?.projectId),
  user_id: shownSince('1.12', (consumer) => consumer?.userId),
  consumer_generation: shownSince('1.28', (consumer) => consumer?.consumerGeneration),
  consumer_type: shownSince('1.38', (consumer) => consumer && (consumer.consumerType ?? 'unknown')),
})

const onProviderView = view<ProviderAllocation, { resources: unknown }>({
  resources: (_allocation, { resources }) => resources,
  consumer_generation: shownSince('1.28', (allocation) => allocation.consumerGeneration),
})

const resourcesOf = (rows: readonly { readonly resourceClass: string; readonly used: number }[]) =>
  Object.fromEntries(rows.map(({ resourceClass, used }) => [resourceClass, used]))

const newest = (rows: readonly { readonly createdAt: number }[]): number | undefined =>
  rows.length === 0 ? undefined : Math.max(...rows.map((row) => row.createdAt))

export const allocationEndpoints: readonly Endpoint[] = [
  endpoint(postSpec, async ({ scope, body }) => {
    const writes = Object.entries(body).map(([uuid, sent]) =>
      writeOf(uuid, sent as SentConsumer, scope.options),
    )
    await scope.claims.replace(writes)
    return {}
  }),
  endpoint(showSpec, async (call) => {
    const rows = await allocationsOfConsumer(call.scope.db, param(call, 'consumer_uuid'))
    const allocations = Object.fromEntries(
      [...Map.groupBy(rows, (row) => row.providerUuid)].map(([uuid, own]) => [
        uuid,
        { resources: resourcesOf(own), generation: own[0]?.providerGeneration },
      ]),
    )
    return { body: call.show(consumerView, rows[0], { allocations }), lastModified: newest(rows) }
  }),
  endpoint(putSpec, async (call) => {
    const uuid = param(call, 'consumer_uuid')
    if (!isUuidLike(uuid)) throw badRequest(`Malformed consumer_uuid: ${uuid}`)
    const wanted = writeOf(uuid, call.body, call.scope.options)
    await call.scope.claims.replace([wanted])
    return {}
  }),
  endpoint(removeSpec, async (call) => {
    await call.scope.claims.remove(param(call, 'consumer_uuid'))
    return {}
  }),
  endpoint(onProviderSpec, async (call) => {
    const provider = await getProvider(call.scope.db, param(call, 'uuid'))
    const rows = await allocationsOnProvider(call.scope.db, provider.id)
    const allocations = [...Map.groupBy(rows, (row) => row.consumerUuid)].flatMap(([uuid, own]) =>
      own[0] ? [[uuid, call.show(onProviderView, own[0], { resources: resourcesOf(own) })] as const] : [],
    )
    return {
      body: {
        allocations: Object.fromEntries(allocations),
        resource_provider_generation: provider.generation,
      },
      lastModified: newest(rows),
    }
  }),
]
