/** What requests about host aggregates look like, at each microversion. */
import {
  alwaysRequired,
  constant,
  during,
  list,
  object,
  oneOf,
  operation,
  query,
  required,
  switched,
  t,
  wrapped,
} from '#lib/versioned/index.ts'

const RULE = 'os_compute_api:os-aggregates'
const NO_QUERY = query({}, { strictSince: '2.102' })

export const listAggregates = operation({
  path: 'GET /os-aggregates',
  policy: `${RULE}:index`,
  query: NO_QUERY,
})

export const showAggregate = operation({
  path: 'GET /os-aggregates/{id}',
  policy: `${RULE}:show`,
  query: NO_QUERY,
})

const zone = switched({ '..2.0': oneOf(t.looseZoneName, t.null), '2.1..': oneOf(t.zoneName, t.null) })

export const createAggregate = operation({
  path: 'POST /os-aggregates',
  policy: `${RULE}:create`,
  body: wrapped(
    'aggregate',
    object({
      name: alwaysRequired(during({ '..2.0': t.looseName, '2.1..': t.name })),
      availability_zone: zone,
    }),
  ),
})

export const updateAggregate = operation({
  path: 'PUT /os-aggregates/{id}',
  policy: `${RULE}:update`,
  body: wrapped(
    'aggregate',
    object(
      { name: t.looseName, availability_zone: zone },
      { anyOf: [{ required: ['name'] }, { required: ['availability_zone'] }] },
    ),
  ),
})

export const removeAggregate = operation({ path: 'DELETE /os-aggregates/{id}', policy: `${RULE}:delete` })

const ACTION = 'POST /os-aggregates/{id}/action'
const host = object({ host: required(t.hostname) })

export const addHost = operation({
  path: ACTION,
  action: 'add_host',
  policy: `${RULE}:add_host`,
  body: wrapped('add_host', host),
})

export const removeHost = operation({
  path: ACTION,
  action: 'remove_host',
  policy: `${RULE}:remove_host`,
  body: wrapped('remove_host', host),
})

export const setMetadata = operation({
  path: ACTION,
  action: 'set_metadata',
  policy: `${RULE}:set_metadata`,
  body: wrapped(
    'set_metadata',
    object({
      metadata: required(t.map('^[a-zA-Z0-9-_:. ]{1,255}$', t.nullableString({ maxLength: 255 }))),
    }),
  ),
})

/** As Nova checks it: what is unknown is told before what is missing. */
const image = constant<{ readonly id: string }>({
  type: 'object',
  properties: { id: { type: 'string', format: 'uuid' } },
  additionalProperties: false,
  required: ['id'],
})

export const cacheImages = operation({
  path: 'POST /os-aggregates/{id}/images',
  versions: '2.81..',
  policy: 'compute:aggregates:images',
  status: 202,
  body: object({ cache: required(list(image, { minItems: 1 })) }),
})
