/** `/reshaper`: inventories and the allocations on them move together, or not at all. */
import { object, operation, required } from '#lib/versioned/index.ts'
import { reshape } from '../db/reshape.ts'
import { postedConsumer, type SentConsumer, writeOf } from './allocation-shapes.ts'
import { canonicalUuid, type Endpoint, endpoint } from './endpoint.ts'
import { inventoryOf } from './inventories.ts'
import { inventoriesWithGeneration, mapOf, UUID_KEY } from './shapes.ts'

const reshapeSpec = operation({
  path: 'POST /reshaper',
  versions: '1.30..',
  policy: 'placement:reshaper:reshape',
  status: 204,
  body: object({
    inventories: required(mapOf(UUID_KEY, inventoriesWithGeneration, { minProperties: 1 })),
    allocations: required(mapOf(UUID_KEY, postedConsumer, { minProperties: 0 })),
  }),
})

export const reshaperEndpoints: readonly Endpoint[] = [
  endpoint(reshapeSpec, async ({ scope, body, write }) => {
    const reshaped = Object.entries(body.inventories).map(([uuid, sent]) => ({
      uuid: canonicalUuid(uuid),
      generation: sent.resource_provider_generation,
      inventories: Object.entries(sent.inventories).map(([name, inventory]) => inventoryOf(name, inventory)),
    }))
    const writes = Object.entries(body.allocations).map(([uuid, sent]) =>
      writeOf(uuid, sent as SentConsumer, scope.options),
    )
    await write((trx, now) => reshape(trx, reshaped, writes, now))
    return {}
  }),
]
