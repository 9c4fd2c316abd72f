/** What requests for consoles look like, at each microversion. */
import { alwaysRequired, during, object, operation, required, t, wrapped } from '#lib/versioned/index.ts'

const RULE = 'os_compute_api:os-remote-consoles'

const PROTOCOLS = ['vnc', 'spice', 'serial', 'rdp'] as const
const TYPES = ['novnc', 'xvpvnc', 'spice-html5', 'serial', 'rdp-html5'] as const

export const createRemoteConsole = operation({
  path: 'POST /servers/{server_id}/remote-consoles',
  versions: '2.6..',
  body: wrapped(
    'remote_console',
    object({
      protocol: alwaysRequired(
        during({ '..2.7': t.enum(...PROTOCOLS), '2.8..': t.enum(...PROTOCOLS, 'mks') }),
      ),
      type: alwaysRequired(
        during({
          '..2.7': t.enum(...TYPES),
          '2.8..2.98': t.enum(...TYPES, 'webmks'),
          '2.99..': t.enum(...TYPES, 'webmks', 'spice-direct'),
        }),
      ),
    }),
  ),
})

/** The actions of before 2.6, one a protocol. */
export const getVncConsole = operation({
  path: 'POST /servers/{id}/action',
  action: 'os-getVNCConsole',
  versions: '..2.5',
  body: wrapped('os-getVNCConsole', object({ type: required(t.enum('novnc', 'xvpvnc')) })),
})
export const getSpiceConsole = operation({
  path: 'POST /servers/{id}/action',
  action: 'os-getSPICEConsole',
  versions: '..2.5',
  body: wrapped('os-getSPICEConsole', object({ type: required(t.enum('spice-html5')) })),
})
export const getSerialConsole = operation({
  path: 'POST /servers/{id}/action',
  action: 'os-getSerialConsole',
  versions: '..2.5',
  body: wrapped('os-getSerialConsole', object({ type: required(t.enum('serial')) })),
})

export { RULE as REMOTE_CONSOLES_RULE }
