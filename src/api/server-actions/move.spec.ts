/** What actions that move servers look like, at each microversion. */
import {
  constant,
  during,
  object,
  operation,
  required,
  switched,
  t,
  until,
  wrapped,
} from '#lib/versioned/index.ts'
import { bare, on, orNull } from './guest.spec.ts'

export const confirmResize = operation({
  ...on('confirmResize'),
  status: 204,
  body: wrapped('confirmResize', t.anything),
})
export const revertResize = bare('revertResize')

export const resize = operation({
  ...on('resize'),
  body: wrapped(
    'resize',
    object({
      flavorRef: required(constant<string | number>({ type: ['string', 'integer'], minLength: 1 })),
      'OS-DCF:diskConfig': t.enum('AUTO', 'MANUAL'),
    }),
  ),
})

/** Or null, or not there: any host. */
const hostOrNull = t.nullableString({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-._]*$' })

/** Before 2.56 nobody looks at what is in the body. */
export const migrateAnywhere = operation({ ...on('migrate'), versions: '..2.55' })
export const migrate = operation({
  ...on('migrate'),
  versions: '2.56..',
  body: wrapped('migrate', orNull(object({ host: hostOrNull }))),
})

const flagOrAuto = constant<boolean | string>({
  type: ['boolean', 'string'],
  enum: [...(t.flag.schemaAt(0).enum ?? []), 'auto'],
})

export const migrateLive = operation({
  ...on('os-migrateLive'),
  body: wrapped(
    'os-migrateLive',
    object({
      block_migration: during({ '..2.24': required(t.flag), '2.25..': required(flagOrAuto) }),
      disk_over_commit: until('2.24', required(t.flag)),
      host: required(hostOrNull),
      force: during({ '2.30..2.67': t.flag }),
    }),
  ),
  behaviours: { heedsFilters: '2.30..' },
})

export const evacuate = operation({
  ...on('evacuate'),
  status: 200,
  body: wrapped(
    'evacuate',
    object({
      host: t.hostname,
      onSharedStorage: until('2.13', required(t.flag)),
      adminPass: t.string(),
      force: during({ '2.29..2.67': t.flag }),
    }),
  ),
  behaviours: { tellsPassword: '..2.13', staysStopped: '2.95..', heedsFilters: '2.29..' },
})

export const shelve = bare('shelve')
export const shelveOffload = bare('shelveOffload')

const zoneName = t.name
export const unshelve = operation({
  ...on('unshelve'),
  body: wrapped(
    'unshelve',
    switched({
      '..2.76': t.anything,
      '2.77..2.90': orNull(object({ availability_zone: required(zoneName) })),
      '2.91..': orNull(object({ availability_zone: t.nullableString(), host: t.string() })),
    }),
  ),
  behaviours: { toZone: '2.77..', toHost: '2.91..' },
})
