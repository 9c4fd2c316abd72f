/** What neighbours may tell of servers, at each microversion. */
import { alwaysRequired, during, list, object, operation, required, t } from '#lib/versioned/index.ts'

const UP_TO_250 = [
  'network-changed',
  'network-vif-plugged',
  'network-vif-unplugged',
  'network-vif-deleted',
] as const
const UP_TO_275 = [...UP_TO_250, 'volume-extended'] as const
const UP_TO_281 = [...UP_TO_275, 'power-update'] as const
const UP_TO_292 = [...UP_TO_281, 'accelerator-request-bound'] as const
const ALL = [...UP_TO_292, 'volume-reimaged'] as const

export const createExternalEvents = operation({
  path: 'POST /os-server-external-events',
  policy: 'os_compute_api:os-server-external-events:create',
  body: object({
    events: required(
      list(
        object({
          name: alwaysRequired(
            during({
              '..2.50': t.enum(...UP_TO_250),
              '2.51..2.75': t.enum(...UP_TO_275),
              '2.76..2.81': t.enum(...UP_TO_281),
              '2.82..2.92': t.enum(...UP_TO_292),
              '2.93..': t.enum(...ALL),
            }),
          ),
          server_uuid: required(t.uuid),
          status: t.enum('failed', 'completed', 'in-progress'),
          tag: t.string({ maxLength: 255 }),
        }),
        { minItems: 1 },
      ),
    ),
  }),
})
