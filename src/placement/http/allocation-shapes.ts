/** The bodies that allocations are written with, as they grew over the versions, and what they mean. */
import { alwaysRequired, constant, during, list, object, required, since, t } from '#lib/versioned/index.ts'
import type { ConsumerWrite } from '../db/consumers.ts'
import { canonicalUuid, type PlacementOptions } from './endpoint.ts'
import { amounts, integer, mapOf, owner, UUID_KEY } from './shapes.ts'

const oneOfList = object({
  resource_provider: required(object({ uuid: required(t.uuid) })),
  resources: required(amounts),
})
const oneOfMap = object({ generation: integer(), resources: required(amounts) })

/** Group suffix → providers, as candidates show it. Accepted, and not looked at. */
const mappings = constant<Readonly<Record<string, readonly string[]>>>({
  type: 'object',
  minProperties: 1,
  patternProperties: {
    '[a-zA-Z0-9_-]{1,64}': { type: 'array', minItems: 1, items: { type: 'string', format: 'uuid' } },
  },
})

const sinceGenerations = {
  consumer_generation: since('1.28', required(constant<number | null>({ type: ['integer', 'null'] }))),
  mappings: since('1.34', mappings),
  consumer_type: since('1.38', required(t.string({ pattern: '^[A-Z0-9_]+$', minLength: 1, maxLength: 255 }))),
}

/** Of `PUT /allocations/{consumer_uuid}`. */
export const putBody = object({
  allocations: alwaysRequired(
    during({
      '..1.11': required(list(oneOfList, { minItems: 1 })),
      '1.12..1.27': required(mapOf(UUID_KEY, oneOfMap, { minProperties: 1 })),
      '1.28..': required(mapOf(UUID_KEY, oneOfMap, { minProperties: 0 })),
    }),
  ),
  project_id: since('1.8', required(owner)),
  user_id: since('1.8', required(owner)),
  ...sinceGenerations,
})

/** Of one consumer among several, in `POST /allocations` and in the reshaper. */
export const postedConsumer = object({
  allocations: required(mapOf(UUID_KEY, oneOfMap, { minProperties: 0 })),
  project_id: required(owner),
  user_id: required(owner),
  ...sinceGenerations,
})

type Resources = Readonly<Record<string, number>>
type Sent =
  | readonly { readonly resource_provider: { readonly uuid: string }; readonly resources: Resources }[]
  | Readonly<Record<string, { readonly resources: Resources }>>

/** One consumer's part of a body, at whatever version. */
export interface SentConsumer {
  readonly allocations: Sent
  readonly project_id?: string | undefined
  readonly user_id?: string | undefined
  readonly consumer_generation?: number | null | undefined
  readonly consumer_type?: string | undefined
}

/** What a body asks to be written. Consumers sent without an owner get the one of the options. */
export function writeOf(consumerUuid: string, sent: SentConsumer, options: PlacementOptions): ConsumerWrite {
  const entries: (readonly [string, Resources])[] = Array.isArray(sent.allocations)
    ? sent.allocations.map((each) => [each.resource_provider.uuid, each.resources])
    : Object.entries(sent.allocations as Readonly<Record<string, { resources: Resources }>>).map(
        ([uuid, each]) => [uuid, each.resources],
      )
  return {
    consumerUuid: canonicalUuid(consumerUuid),
    projectId: sent.project_id ?? options.incompleteConsumerProjectId,
    userId: sent.user_id ?? options.incompleteConsumerUserId,
    consumerType: sent.consumer_type,
    generation: sent.consumer_generation,
    allocations: new Map(
      entries.map(([uuid, resources]) => [canonicalUuid(uuid), new Map(Object.entries(resources))]),
    ),
  }
}
