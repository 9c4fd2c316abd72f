/** What requests about a server's volumes look like. */
import { LIMIT, many, object, operation, query, required, since, t, wrapped } from '#lib/versioned/index.ts'

const PATH = '/servers/{server_id}/os-volume_attachments'
/** Which disk of a guest it is. */
const device = t.nullableString({ pattern: '(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$' })
const tag = t.string({ minLength: 1, maxLength: 60, pattern: '^[^,/]*$' })

export const listAttachments = operation({
  path: `GET ${PATH}`,
  query: query({ limit: many(LIMIT), offset: many(LIMIT) }, { strictSince: '2.75' }),
})

export const showAttachment = operation({
  path: `GET ${PATH}/{id}`,
  query: query({}, { additional: true }),
})

export const attachVolume = operation({
  path: `POST ${PATH}`,
  status: { '..2.100': 200, '2.101..': 202 },
  body: wrapped(
    'volumeAttachment',
    object({
      volumeId: required(t.uuid),
      device,
      tag: since('2.49', tag),
      delete_on_termination: since('2.79', t.flag),
    }),
  ),
  behaviours: { refusesShelved: '..2.19', refusesMultiattach: '..2.59', saysNothing: '2.101..' },
})

export const changeAttachment = operation({
  path: `PUT ${PATH}/{id}`,
  status: 202,
  body: wrapped(
    'volumeAttachment',
    object({
      volumeId: required(t.uuid),
      device: since('2.85', device),
      tag: since('2.85', tag),
      delete_on_termination: since('2.85', t.flag),
      serverId: since('2.85', t.uuid),
      id: since('2.85', t.uuid),
    }),
  ),
  behaviours: { onlySwaps: '..2.84' },
})

export const detachVolume = operation({
  path: `DELETE ${PATH}/{id}`,
  status: 202,
  behaviours: { refusesShelved: '..2.19' },
})
