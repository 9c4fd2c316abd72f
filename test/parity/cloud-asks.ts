/** A request for every route of the compute API, of a cloud in which there is something to answer about. */
import type { Database } from '#db/kit/index.ts'
import type { Answer, CloudClient } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'
import { rescuedServerAsk, serverActionAsks } from './action-asks.ts'
import type { WholeCloud } from '../functional/whole-cloud.ts'
import { adminAsks } from './admin-asks.ts'
import { insideAsks } from './inside-asks.ts'
import { moveAsks } from './move-asks.ts'
import { neighbourAsks } from './neighbour-asks.ts'

export interface Ask {
  /** The route as the facts name it, with `#action`. */
  readonly route: string
  /** Changes something: asked at a few versions only. */
  readonly rare: boolean
  /** What it is refused with here, as by a Nova whose driver or neighbours lack that. */
  readonly refused?: number
  send(at: string): Promise<Answer>
}

/** What a request is made of that differs by version. */
type Of<T> = T | ((at: string) => T)
type Who = 'admin' | 'demo'

const PUBLIC_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC0AAAcKFma3nz9qDGzc6WZJlicGDnLZI6GMbkZmod3D test'
const FLAVOR = { name: 'private', id: 'private', ram: 1, vcpus: 1, disk: 1 }
const NO_LIMIT = { instances: -1, cores: -1, ram: -1, server_group_members: -1 }

const minor = (at: string): number => Number(at.split('.')[1])
const header = (at: string) => ({ 'openstack-api-version': `compute ${at}` })

/** What there is to ask about. */
export interface Ground {
  readonly clients: Readonly<Record<Who, CloudClient>>
  /** A project that nothing else is asked about. */
  readonly otherProject: string
  readonly imageId: string
  readonly serverId: string
  readonly portId: string
  readonly createId: string
  /** A server group of demo's. */
  readonly groupId: string
  readonly aggregateId: string
  /** A hypervisor and a service, as a version names them. */
  idsAt(at: string): { readonly hypervisor: string; readonly service: string }
}

/** Requests for every route; `store` is the cloud's, for what is not brought about otherwise. */
export async function asksOf(cloud: WholeCloud, store: Database): Promise<readonly Ask[]> {
  const ground = await groundOf(cloud)
  const make = askIn(ground)
  const makeServer = () => plainServer(ground)
  return [
    ...serverAsks(ground, make),
    ...serverAsks(ground, otherName(make)).filter(({ route }) => !route.startsWith('DELETE')),
    ...serverActionAsks({ clients: ground.clients, make: makeServer, store }, ground.imageId),
    rescuedServerAsk(ground.clients, makeServer),
    ...partAsks(ground, make),
    ...actionAsks(ground, make),
    ...flavorAsks(ground, make),
    ...keypairAsks(make),
    ...hostAsks(ground, make),
    ...quotaAsks(ground, make),
    ...adminAsks(ground, make),
    ...neighbourAsks(ground, make),
    ...insideAsks(ground, make),
    ...moveAsks({ ground, store, makeServer }, make),
  ]
}

async function groundOf(cloud: WholeCloud): Promise<Ground> {
  const [admin, demo, alt] = await Promise.all([cloud.as('admin'), cloud.as('demo'), cloud.as('alt')])
  const ok = (path: string, body: object, method = 'POST', at = '2.96') =>
    admin.ok('compute', method, path, body, header(at))
  // Nothing is ever placed there.
  await ok('/os-hosts/fake-3', { status: 'disable' }, 'PUT', '2.1')
  await ok('/flavors', { flavor: { ...FLAVOR, 'os-flavor-access:is_public': false } })
  await ok('/flavors/private/action', { addTenantAccess: { tenant: demo.projectId } })
  await ok('/flavors/1/os-extra_specs', { extra_specs: { 'hw:numa_nodes': '1' } })
  await ok(`/os-quota-sets/${demo.projectId}`, { quota_set: NO_LIMIT }, 'PUT')
  const { images } = (await demo.ok('image', 'GET', '/images')) as { images: { id: string }[] }
  const imageId = images[0]?.id ?? ''
  const { server_group: group } = (await demo.ok('compute', 'POST', '/os-server-groups', {
    server_group: { name: 'kept', policy: 'anti-affinity', rules: { max_server_per_host: 1000 } },
  })) as { server_group: { id: string } }
  const serverId = await activeServer(demo, imageId, group.id)
  const { ports } = (await demo.ok('network', 'GET', `/ports?device_id=${serverId}`)) as {
    ports: { id: string }[]
  }
  const { instanceActions } = (await demo.ok(
    'compute',
    'GET',
    `/servers/${serverId}/os-instance-actions`,
  )) as { instanceActions: { request_id: string }[] }
  const { aggregate } = (await ok('/os-aggregates', { aggregate: { name: 'kept' } })) as {
    aggregate: { id: number }
  }
  const [old, recent] = await Promise.all([hostIds(admin, serverId, '2.1'), hostIds(admin, serverId, '2.53')])
  return {
    clients: { admin, demo },
    otherProject: alt.projectId,
    imageId,
    serverId,
    portId: ports[0]?.id ?? '',
    groupId: group.id,
    aggregateId: String(aggregate.id),
    createId: instanceActions.at(-1)?.request_id ?? '',
    idsAt: (at) => (minor(at) < 53 ? old : recent),
  }
}

/** An active server of the kept group. */
async function plainServer({
  clients: { demo },
  imageId: imageRef,
  groupId: group,
}: Ground): Promise<string> {
  const wish = { name: 'plain', tags: ['plain'], imageRef, flavorRef: '42', networks: 'auto', key_name: 'k' }
  const { server } = await demo.ok('compute', 'POST', '/servers', {
    server: wish,
    'os:scheduler_hints': { group },
  })
  await untilStatus(demo, server.id, 'ACTIVE')
  return server.id
}

async function activeServer(demo: CloudClient, imageId: string, group: string): Promise<string> {
  const { networks } = (await demo.ok('network', 'GET', '/networks?name=private')) as {
    networks: { id: string }[]
  }
  await demo.ok('compute', 'POST', '/os-keypairs', { keypair: { name: 'k', public_key: PUBLIC_KEY } })
  const wish = {
    name: 'main',
    imageRef: imageId,
    flavorRef: '1',
    networks: [{ uuid: networks[0]?.id }],
    key_name: 'k',
    metadata: { kept: 'yes' },
    tags: ['kept'],
    user_data: 'IyEvYmluL3NoCg==',
    config_drive: true,
    description: 'd',
  }
  const { server } = (await demo.ok('compute', 'POST', '/servers', {
    server: wish,
    'os:scheduler_hints': { group },
  })) as {
    server: { id: string }
  }
  await untilStatus(demo, server.id, 'ACTIVE')
  return server.id
}

const untilStatus = (demo: CloudClient, id: string, status: string): Promise<boolean> =>
  eventually(
    async () => {
      const { server } = (await demo.ok('compute', 'GET', `/servers/${id}`)) as {
        server: { status: string; 'OS-EXT-STS:task_state': string | null }
      }
      return server.status === status && server['OS-EXT-STS:task_state'] === null
    },
    { what: status },
  )

/** The hypervisor of the server and its service. */
async function hostIds(admin: CloudClient, serverId: string, at: string) {
  const { server } = (await admin.ok('compute', 'GET', `/servers/${serverId}`)) as {
    server: Record<string, string>
  }
  const host = server['OS-EXT-SRV-ATTR:host']
  const find = async (key: string, path: string, name: string): Promise<string> => {
    const body = (await admin.ok('compute', 'GET', path, undefined, header(at))) as Record<
      string,
      Record<string, string | number>[]
    >
    return String(body[key]?.find((item) => item[name] === host)?.['id'])
  }
  return {
    hypervisor: await find('hypervisors', '/os-hypervisors', 'hypervisor_hostname'),
    service: await find('services', '/os-services?binary=nova-compute', 'host'),
  }
}

export type Make = (route: string, path: Of<string>, body?: Of<unknown>, who?: Who) => Ask

const askIn =
  ({ clients }: Ground): Make =>
  (route, path, body, who = 'admin') => {
    const method = route.split(' ')[0] ?? ''
    const at = <T>(of: Of<T>, version: string): T =>
      typeof of === 'function' ? (of as (version: string) => T)(version) : of
    return {
      route,
      rare: method !== 'GET',
      send: (version) =>
        clients[who].call('compute', method, at(path, version), at(body, version), header(version)),
    }
  }

/** The same of `/os-volumes_boot`, which is another name of `/servers`. */
const otherName =
  (make: Make): Make =>
  (route, path, body, who) => {
    const renamed = (text: string) => text.replace('/servers', '/os-volumes_boot')
    return make(renamed(route), (at) => renamed(typeof path === 'function' ? path(at) : path), body, who)
  }

/** Samples of servers are now an admin's, now an owner's. */
function serverAsks({ serverId, imageId, clients }: Ground, make: Make): Ask[] {
  const wish = (at: string) => ({
    name: 's',
    imageRef: imageId,
    flavorRef: '42',
    ...(minor(at) >= 37 && { networks: 'none' }),
  })
  const remove = make('DELETE /servers/{id}', '')
  const all = { admin: 'name=main&all_tenants=1', demo: 'name=main' }
  return [
    ...(['admin', 'demo'] as const).flatMap((who) => [
      make('GET /servers', `/servers?${all[who]}`, undefined, who),
      make('GET /servers', `/servers?${all[who]}&limit=1`, undefined, who),
      make('GET /servers/detail', `/servers/detail?${all[who]}`, undefined, who),
      make('GET /servers/detail', `/servers/detail?${all[who]}&limit=1`, undefined, who),
      make('GET /servers/{id}', `/servers/${serverId}`, undefined, who),
      make('PUT /servers/{id}', `/servers/${serverId}`, { server: { name: 'main' } }, who),
    ]),
    make('POST /servers', '/servers', (at: string) => ({ server: wish(at) }), 'demo'),
    make(
      'POST /servers',
      '/servers',
      (at: string) => ({ server: { ...wish(at), return_reservation_id: true } }),
      'demo',
    ),
    {
      ...remove,
      async send(at) {
        const { server } = (await clients.demo.ok('compute', 'POST', '/servers', {
          server: wish('2.96'),
        })) as {
          server: { id: string }
        }
        return clients.demo.call('compute', 'DELETE', `/servers/${server.id}`, undefined, header(at))
      },
    },
  ]
}

function partAsks({ serverId, portId, createId }: Ground, make: Make): Ask[] {
  const server = `/servers/${serverId}`
  const tag = (at: string) => `${server}/tags/tag${minor(at)}`
  const actions = `${server}/os-instance-actions`
  const part = 'servers/{server_id}'
  return [
    make(`GET /${part}/ips`, `${server}/ips`),
    make(`GET /${part}/ips/{id}`, `${server}/ips/private`),
    make(`GET /${part}/metadata`, `${server}/metadata`),
    make(`PUT /${part}/metadata`, `${server}/metadata`, { metadata: { foo: 'Foo', kept: 'yes' } }),
    make(`POST /${part}/metadata`, `${server}/metadata`, { metadata: { foo: 'New' } }),
    make(`PUT /${part}/metadata/{id}`, `${server}/metadata/foo`, { meta: { foo: 'Bar' } }),
    make(`GET /${part}/metadata/{id}`, `${server}/metadata/kept`),
    make(`DELETE /${part}/metadata/{id}`, `${server}/metadata/foo`),
    make(`GET /${part}/tags`, `${server}/tags`),
    make(`PUT /${part}/tags/{id}`, tag),
    make(`DELETE /${part}/tags/{id}`, tag),
    make(`DELETE /${part}/tags`, `${server}/tags`),
    make(`PUT /${part}/tags`, `${server}/tags`, { tags: ['kept', 'b'] }),
    make(`GET /${part}/tags/{id}`, `${server}/tags/kept`),
    make(`GET /${part}/os-interface`, `${server}/os-interface`),
    make(`GET /${part}/os-interface/{id}`, `${server}/os-interface/${portId}`),
    make(`GET /${part}/os-security-groups`, `${server}/os-security-groups`),
    make(`GET /${part}/os-instance-actions`, (at) => (minor(at) < 58 ? actions : `${actions}?limit=1`)),
    make(`GET /${part}/os-instance-actions`, actions),
    make(`GET /${part}/os-instance-actions/{id}`, `${actions}/${createId}`),
    make(`GET /${part}/os-instance-actions/{id}`, `${actions}/${createId}`, undefined, 'demo'),
  ]
}

function actionAsks({ serverId, clients }: Ground, make: Make): Ask[] {
  const path = `/servers/${serverId}/action`
  const action = (name: string, body: unknown) =>
    make(`POST /servers/{id}/action#${name}`, path, { [name]: body })
  /** Asks, and waits until that is done. */
  const until = (status: string, ask: Ask): Ask => ({
    ...ask,
    async send(at) {
      const answer = await ask.send(at)
      await untilStatus(clients.demo, serverId, status)
      return answer
    },
  })
  const vnc = { remote_console: { protocol: 'vnc', type: 'novnc' } }
  return [
    action('os-getConsoleOutput', { length: 3 }),
    action('os-getVNCConsole', { type: 'novnc' }),
    make('POST /servers/{server_id}/remote-consoles', `/servers/${serverId}/remote-consoles`, vnc),
    until('SHUTOFF', action('os-stop', null)),
    until('ACTIVE', action('os-start', null)),
    until('ACTIVE', action('reboot', { type: 'HARD' })),
  ]
}

function flavorAsks({ otherProject: tenant }: Ground, make: Make): Ask[] {
  const made = (at: string) => `f${minor(at)}`
  const specs = '/flavors/private/os-extra_specs'
  return [
    make('GET /flavors', '/flavors'),
    make('GET /flavors/detail', '/flavors/detail'),
    make('GET /flavors/{id}', '/flavors/1'),
    make('POST /flavors', '/flavors', (at: string) => ({
      flavor: { ...FLAVOR, name: made(at), id: made(at) },
    })),
    make('PUT /flavors/{id}', '/flavors/private', { flavor: { description: 'd' } }),
    make('DELETE /flavors/{id}', (at) => `/flavors/${made(at)}`),
    make('POST /flavors/{id}/os-extra_specs', specs, { extra_specs: { 'hw:numa_nodes': '1' } }),
    make('GET /flavors/{id}/os-extra_specs', '/flavors/1/os-extra_specs'),
    make('GET /flavors/{id}/os-extra_specs/{id}', '/flavors/1/os-extra_specs/hw:numa_nodes'),
    make('PUT /flavors/{id}/os-extra_specs/{id}', `${specs}/hw:numa_nodes`, { 'hw:numa_nodes': '2' }),
    make('DELETE /flavors/{id}/os-extra_specs/{id}', `${specs}/hw:numa_nodes`),
    make('GET /flavors/{id}/os-flavor-access', '/flavors/private/os-flavor-access'),
    make('POST /flavors/{id}/action#addTenantAccess', '/flavors/private/action', {
      addTenantAccess: { tenant },
    }),
    make('POST /flavors/{id}/action#removeTenantAccess', '/flavors/private/action', {
      removeTenantAccess: { tenant },
    }),
  ]
}

function keypairAsks(make: Make): Ask[] {
  const named = (name: string) => (at: string) => `${name}${minor(at)}`
  const brought = named('brought')
  const made = named('made')
  return [
    make('GET /os-keypairs', '/os-keypairs', undefined, 'demo'),
    make('GET /os-keypairs', '/os-keypairs?limit=1', undefined, 'demo'),
    make('GET /os-keypairs/{id}', '/os-keypairs/k', undefined, 'demo'),
    make('POST /os-keypairs', '/os-keypairs', (at: string) => ({
      keypair: { name: brought(at), public_key: PUBLIC_KEY },
    })),
    make('POST /os-keypairs', '/os-keypairs', (at: string) => ({
      keypair: { name: made(at), ...(minor(at) >= 92 && { public_key: PUBLIC_KEY }) },
    })),
    make('DELETE /os-keypairs/{id}', (at) => `/os-keypairs/${brought(at)}`),
  ]
}

function hostAsks({ idsAt }: Ground, make: Make): Ask[] {
  const hypervisor = (at: string) => `/os-hypervisors/${idsAt(at).hypervisor}`
  const host = { host: 'fake-1', binary: 'nova-compute' }
  /** By a verb until 2.52, by the service's id and its new fields from then on. */
  const put = (verb: string, fields: object, more: object = {}) =>
    make(
      'PUT /os-services/{id}',
      (at) => `/os-services/${minor(at) < 53 ? verb : idsAt(at).service}`,
      (at: string) => ({ ...(minor(at) < 53 ? host : fields), ...more }),
    )
  const paged = (path: string) => (at: string) => (minor(at) < 33 ? path : `${path}?limit=1`)
  const withServers = (path: string) => (at: string) => (minor(at) < 53 ? path : `${path}?with_servers=1`)
  /** There is no such verb before 2.11. */
  const forceDown = (forced: boolean): Ask => {
    const ask = put('force-down', {}, { forced_down: forced })
    return { ...ask, send: (at) => (minor(at) < 11 ? put('enable', {}).send(at) : ask.send(at)) }
  }
  return [
    make('GET /os-availability-zone', '/os-availability-zone'),
    make('GET /os-availability-zone/detail', '/os-availability-zone/detail'),
    make('GET /os-hypervisors', '/os-hypervisors'),
    make('GET /os-hypervisors', paged('/os-hypervisors')),
    make('GET /os-hypervisors', withServers('/os-hypervisors')),
    make('GET /os-hypervisors/detail', '/os-hypervisors/detail'),
    make('GET /os-hypervisors/detail', paged('/os-hypervisors/detail')),
    make('GET /os-hypervisors/detail', withServers('/os-hypervisors/detail')),
    make('GET /os-hypervisors/statistics', '/os-hypervisors/statistics'),
    make('GET /os-hypervisors/{id}', hypervisor),
    make('GET /os-hypervisors/{id}', (at) => withServers(hypervisor(at))(at)),
    make('GET /os-hypervisors/{id}/uptime', (at) => `${hypervisor(at)}/uptime`),
    make('GET /os-hypervisors/{id}/search', '/os-hypervisors/fake/search'),
    make('GET /os-hypervisors/{id}/servers', '/os-hypervisors/fake/servers'),
    make('GET /os-hypervisors/{id}/servers', '/os-hypervisors/fake-3/servers'),
    make('GET /os-services', '/os-services'),
    put('disable', { status: 'disabled' }),
    put('disable-log-reason', { status: 'disabled' }, { disabled_reason: 'maintenance' }),
    put('enable', { status: 'enabled' }),
    forceDown(true),
    forceDown(false),
  ]
}

function quotaAsks({ clients, otherProject }: Ground, make: Make): Ask[] {
  const quotas = `/os-quota-sets/${clients.demo.projectId}`
  return [
    make('GET /limits', '/limits'),
    make('GET /os-quota-sets/{id}', quotas),
    make('GET /os-quota-sets/{id}/defaults', `${quotas}/defaults`),
    make('GET /os-quota-sets/{id}/detail', `${quotas}/detail`),
    make('PUT /os-quota-sets/{id}', `/os-quota-sets/${otherProject}`, { quota_set: { cores: 45 } }),
    make('DELETE /os-quota-sets/{id}', `/os-quota-sets/${otherProject}`),
  ]
}
