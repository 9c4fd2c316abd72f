/**
 * Routes that Nova once had and took away: 410 at every version, whatever is sent. The list is by the
 * release that removed them.
 */
import { type Route, serve } from '#api/kernel/index.ts'
import { badRequest, Fault } from '#lib/fault.ts'
import { operation, t } from '#lib/versioned/index.ts'

/** `POST /path#action` is an action of it. */
const GONE: Readonly<Record<string, readonly string[]>> = {
  '16.0.0': [
    'POST /os-certificates',
    'GET /os-certificates/{id}',
    'GET /os-cloudpipe',
    'POST /os-cloudpipe',
    'PUT /os-cloudpipe/{id}',
  ],
  '18.0.0': [
    'GET /os-fixed-ips/{id}',
    'POST /os-fixed-ips/{id}/action#reserve',
    'POST /os-fixed-ips/{id}/action#unreserve',
    'GET /os-floating-ip-dns',
    'PUT /os-floating-ip-dns/{id}',
    'DELETE /os-floating-ip-dns/{id}',
    'GET /os-floating-ip-dns/{domain_id}/entries/{id}',
    'PUT /os-floating-ip-dns/{domain_id}/entries/{id}',
    'DELETE /os-floating-ip-dns/{domain_id}/entries/{id}',
    'GET /os-floating-ips-bulk',
    'POST /os-floating-ips-bulk',
    'GET /os-floating-ips-bulk/{id}',
    'PUT /os-floating-ips-bulk/{id}',
    'GET /os-fping',
    'GET /os-fping/{id}',
    'POST /os-networks/{id}/action#disassociate_host',
    'POST /os-networks/{id}/action#disassociate_project',
    'POST /os-networks/{id}/action#associate_host',
    'GET /servers/{server_id}/os-virtual-interfaces',
  ],
  '20.0.0': [
    'POST /os-cells',
    'GET /os-cells',
    'GET /os-cells/capacities',
    'GET /os-cells/detail',
    'GET /os-cells/info',
    'POST /os-cells/sync_instances',
    'GET /os-cells/{id}',
    'PUT /os-cells/{id}',
    'DELETE /os-cells/{id}',
    'GET /os-cells/{id}/capacities',
  ],
  '21.0.0': [
    'POST /os-networks',
    'POST /os-networks/add',
    'DELETE /os-networks/{id}',
    'POST /os-networks/{id}/action#disassociate',
    'GET /os-security-group-default-rules',
    'POST /os-security-group-default-rules',
    'GET /os-security-group-default-rules/{id}',
    'DELETE /os-security-group-default-rules/{id}',
    'POST /os-tenant-networks',
    'DELETE /os-tenant-networks/{id}',
    'GET /servers/{server_id}/consoles',
    'POST /servers/{server_id}/consoles',
    'GET /servers/{server_id}/consoles/{id}',
    'DELETE /servers/{server_id}/consoles/{id}',
  ],
  '22.0.0': ['GET /os-agents', 'POST /os-agents', 'PUT /os-agents/{id}', 'DELETE /os-agents/{id}'],
  '23.0.0': ['POST /servers/{id}/action#resetNetwork'],
}

const gone = () => new Fault('gone', 'This resource is no longer available. No forwarding address is given.')

function removedRoute(route: string): Route {
  const [path = '', action] = route.split('#')
  const takesBody = path.startsWith('POST') || path.startsWith('PUT')
  const removed = operation({
    path,
    status: 410,
    ...(action !== undefined && { action }),
    ...(takesBody && { body: t.anything }),
  })
  return serve(removed, () => {
    throw gone()
  })
}

/** A console of a driver that is no more: Nova refuses it as a bad request, and forgets it with the other consoles. */
const rdpConsole = operation({
  path: 'POST /servers/{id}/action',
  action: 'os-getRDPConsole',
  versions: '..2.5',
  status: 400,
  body: t.anything,
})

export const removedRoutes: readonly Route[] = [
  ...Object.values(GONE).flat().map(removedRoute),
  serve(rdpConsole, () => {
    throw badRequest(
      'The server could not comply with the request since it is either malformed or otherwise incorrect.',
    )
  }),
]
