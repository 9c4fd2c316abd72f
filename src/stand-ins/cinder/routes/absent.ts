/** What this Cinder has none of: clients list it beside volumes, and are told so. */
import { notFound } from '#lib/fault.ts'
import { requireAdmin } from '../caller.ts'
import { countOf } from '../list-query.ts'
import type { Routes } from './context.ts'

interface Absent {
  readonly path: string
  /** What the list is called. */
  readonly list: string
  /** The microversion before which there is no such path. */
  readonly since?: number
  /** The rule that lets only admins look. */
  readonly adminRule?: string
  missing(id: string): string
}

const ABSENT: readonly Absent[] = [
  { path: '/backups', list: 'backups', missing: (id) => `Backup ${id} could not be found.` },
  {
    path: '/consistencygroups',
    list: 'consistencygroups',
    missing: (id) => `ConsistencyGroup ${id} could not be found.`,
  },
  { path: '/groups', list: 'groups', since: 13, missing: (id) => `Group ${id} could not be found.` },
  {
    path: '/group_snapshots',
    list: 'group_snapshots',
    since: 14,
    missing: (id) => `GroupSnapshot ${id} could not be found.`,
  },
  {
    path: '/group_types',
    list: 'group_types',
    since: 11,
    missing: (id) =>
      id === 'default' ? 'Default group type can not be found.' : `Group type ${id} could not be found.`,
  },
  {
    path: '/qos-specs',
    list: 'qos_specs',
    adminRule: 'volume_extension:qos_specs_manage:get_all',
    missing: (id) => `No such QoS spec ${id}.`,
  },
  { path: '/messages', list: 'messages', since: 3, missing: (id) => `Message ${id} could not be found.` },
]

export function addAbsentRoutes(routes: Routes): void {
  for (const { path, list, since = 0, adminRule, missing } of ABSENT) {
    const on: Routes['on'] = (method, rest, handle) =>
      routes.on(method, `${path}${rest}`, (call) => {
        if (call.caller.minor < since) throw notFound('The resource could not be found.')
        if (adminRule !== undefined) requireAdmin(call.caller, adminRule)
        return handle(call)
      })
    for (const rest of ['', '/detail'])
      on('GET', rest, async (call) => ({ body: { [list]: [], ...countOf(call, 0) } }))
    on('GET', '/:id', async ({ params }) => {
      throw notFound(missing(params['id'] ?? ''))
    })
  }
}
