/** Servers under the name of when booting from volumes was new: `/os-volumes_boot` is `/servers`, until 2.102. */
import type { Route } from '#api/kernel/index.ts'
import { operation } from '#lib/versioned/index.ts'

const LAST = '2.102'
const PATHS = new Set(['/servers', '/servers/detail', '/servers/{id}', '/servers/{id}/action'])
/** Those that Nova's server controller has itself; the others are extensions of `/servers` alone. */
const ACTIONS = new Set([
  'confirmResize',
  'revertResize',
  'reboot',
  'resize',
  'rebuild',
  'createImage',
  'os-start',
  'os-stop',
  'trigger_crash_dump',
])

/** The routes of servers among these, by their other name. */
export const volumesBootRoutes = (routes: readonly Route[]): readonly Route[] =>
  routes
    .filter(
      ({ operation: { path, action } }) => PATHS.has(path) && (action === undefined || ACTIONS.has(action)),
    )
    .map(({ operation: { spec }, handle }) => ({
      operation: operation({
        ...spec,
        path: spec.path.replace('/servers', '/os-volumes_boot'),
        versions: `${spec.versions?.split('..')[0] ?? ''}..${LAST}`,
      }),
      handle,
    }))
