/** What actions that make images of servers, and servers of images, look like at each microversion. */
import {
  alwaysRequired,
  constant,
  during,
  list,
  object,
  operation,
  required,
  since,
  t,
  until,
  wrapped,
} from '#lib/versioned/index.ts'
import { on } from './guest.spec.ts'

const metadata = t.map('^[a-zA-Z0-9-_:. ]{1,255}$', t.string({ maxLength: 255 }))

/** Until 2.38 what an image is told counts as metadata of the server; since 2.45 the body says which image it is. */
const BEHAVIOURS = { countsMetadata: '..2.38', tellsImage: '2.45..' } as const

export const createImage = operation({
  ...on('createImage'),
  body: wrapped('createImage', object({ name: required(t.name), metadata })),
  behaviours: BEHAVIOURS,
})

export const createBackup = operation({
  ...on('createBackup'),
  body: wrapped(
    'createBackup',
    object({
      name: alwaysRequired(during({ '..2.0': t.looseName, '2.1..': t.name })),
      backup_type: required(t.string()),
      rotation: required(t.nonNegative),
      metadata,
    }),
  ),
  behaviours: BEHAVIOURS,
})

export const rebuild = operation({
  ...on('rebuild'),
  body: wrapped(
    'rebuild',
    object({
      name: during({ '..2.0': t.looseName, '2.1..': t.name }),
      imageRef: required(t.uuid),
      adminPass: t.string(),
      metadata,
      preserve_ephemeral: t.flag,
      'OS-DCF:diskConfig': t.enum('AUTO', 'MANUAL'),
      accessIPv4: t.ipv4,
      accessIPv6: t.ipv6,
      personality: until(
        '2.56',
        list(object({ path: t.string(), contents: t.string({ format: 'base64' }) })),
      ),
      description: since('2.19', t.description),
      key_name: since(
        '2.54',
        constant<string | null>({
          oneOf: [{ type: 'string', minLength: 1, maxLength: 255 }, { type: 'null' }],
        }),
      ),
      user_data: since('2.57', t.nullableString({ format: 'base64', maxLength: 65_535 })),
      trusted_image_certificates: since(
        '2.63',
        constant<readonly string[] | null>({
          type: ['array', 'null'],
          minItems: 1,
          maxItems: 50,
          uniqueItems: true,
          items: { type: 'string', minLength: 1 },
        }),
      ),
      hostname: during({
        '2.90..2.93': t.string({
          minLength: 2,
          maxLength: 63,
          pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$',
        }),
        '2.94..': t.hostname,
      }),
    }),
  ),
  behaviours: { showsKey: '2.54..', showsUserData: '2.57..' },
})
