/** What changes and actions of a server look like, at each microversion. */
import {
  constant,
  during,
  object,
  oneOf,
  operation,
  required,
  since,
  t,
  wrapped,
} from '#lib/versioned/index.ts'

export const updateServer = operation({
  path: 'PUT /servers/{id}',
  body: wrapped(
    'server',
    object({
      name: during({ '..2.0': t.looseName, '2.1..': t.name }),
      'OS-DCF:diskConfig': t.enum('AUTO', 'MANUAL'),
      accessIPv4: t.ipv4,
      accessIPv6: t.ipv6,
      description: since('2.19', t.description),
      hostname: during({
        '2.90..2.93': t.string({
          minLength: 2,
          maxLength: 63,
          pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$',
        }),
        '2.94..': t.hostname,
      }),
      pinned_availability_zone: since('2.104', oneOf(t.string({ minLength: 1, maxLength: 255 }), t.null)),
    }),
  ),
})

export const deleteServer = operation({ path: 'DELETE /servers/{id}', status: 204 })

const action = (name: string) => ({ path: 'POST /servers/{id}/action', action: name, status: 202 }) as const

export const startServer = operation({ ...action('os-start'), body: wrapped('os-start', t.anything) })
export const stopServer = operation({ ...action('os-stop'), body: wrapped('os-stop', t.anything) })

export const rebootServer = operation({
  ...action('reboot'),
  body: wrapped('reboot', object({ type: required(t.enum('HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft')) })),
})

export const consoleOutput = operation({
  ...action('os-getConsoleOutput'),
  status: 200,
  body: wrapped(
    'os-getConsoleOutput',
    object({
      length: constant<number | string | null>({
        type: ['integer', 'string', 'null'],
        pattern: '^-?[0-9]+$',
        minimum: -1,
      }),
    }),
  ),
})
