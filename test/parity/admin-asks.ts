/** A request for every route of what admins and owners keep beside servers: groups, aggregates, extensions … */
import type { Ask, Ground, Make } from './cloud-asks.ts'

const minor = (at: string): number => Number(at.split('.')[1])
const header = (at: string) => ({ 'openstack-api-version': `compute ${at}` })

export function adminAsks(ground: Ground, make: Make): Ask[] {
  return [
    make('GET /extensions', '/extensions'),
    make('GET /extensions/{id}', '/extensions/os-agents'),
    ...groupAsks(ground, make),
    ...aggregateAsks(ground, make),
    ...usageAsks(ground, make),
    ...oldAsks(ground, make),
  ]
}

const groupWish = (at: string) => ({
  server_group: {
    name: 'test',
    ...(minor(at) < 64
      ? { policies: ['anti-affinity'] }
      : { policy: 'anti-affinity', rules: { max_server_per_host: 3 } }),
  },
})

function groupAsks({ clients, groupId }: Ground, make: Make): Ask[] {
  const one = `/os-server-groups/${groupId}`
  const remove = make('DELETE /os-server-groups/{id}', '')
  return [
    make('GET /os-server-groups', '/os-server-groups', undefined, 'demo'),
    make('GET /os-server-groups/{id}', one, undefined, 'demo'),
    make('POST /os-server-groups', '/os-server-groups', groupWish, 'demo'),
    {
      ...remove,
      async send(at) {
        const made = await clients.demo.ok('compute', 'POST', '/os-server-groups', groupWish('2.104'))
        const { id } = (made as { server_group: { id: string } }).server_group
        return clients.demo.call('compute', 'DELETE', `/os-server-groups/${id}`, undefined, header(at))
      },
    },
  ]
}

/** Of a host that is put in and taken out. */
function aggregateAsks({ clients, aggregateId, imageId }: Ground, make: Make): Ask[] {
  const one = `/os-aggregates/${aggregateId}`
  const action = (name: string, args: object) =>
    make(`POST /os-aggregates/{id}/action#${name}`, `${one}/action`, { [name]: args })
  const name = (at: string) => `a${minor(at)}`
  return [
    make('GET /os-aggregates', '/os-aggregates'),
    make('GET /os-aggregates/{id}', one),
    make('POST /os-aggregates', '/os-aggregates', (at: string) => ({
      aggregate: { name: name(at), availability_zone: 'london' },
    })),
    make('PUT /os-aggregates/{id}', one, { aggregate: { name: 'kept' } }),
    action('set_metadata', { metadata: { key: 'value' } }),
    action('add_host', { host: 'fake-2' }),
    action('remove_host', { host: 'fake-2' }),
    make('POST /os-aggregates/{id}/images', `${one}/images`, { cache: [{ id: imageId }] }),
    {
      ...make('DELETE /os-aggregates/{id}', ''),
      async send(at) {
        const aggregate = { name: `gone${at}` }
        const made = await clients.admin.ok('compute', 'POST', '/os-aggregates', { aggregate })
        const { id } = (made as { aggregate: { id: number } }).aggregate
        return clients.admin.call('compute', 'DELETE', `/os-aggregates/${id}`, undefined, header(at))
      },
    },
  ]
}

/** Hosts as they were, migrations, and where a console's token leads. */
function oldAsks({ clients, serverId }: Ground, make: Make): Ask[] {
  const vnc = { remote_console: { protocol: 'vnc', type: 'novnc' } }
  return [
    make('GET /os-hosts', '/os-hosts'),
    make('GET /os-hosts/{id}', '/os-hosts/fake-1'),
    make('PUT /os-hosts/{id}', '/os-hosts/fake-2', { status: 'enable' }),
    make('GET /os-migrations', '/os-migrations'),
    make('GET /os-migrations', (at) => (minor(at) < 59 ? '/os-migrations' : '/os-migrations?limit=1')),
    make('POST /os-server-external-events', '/os-server-external-events', {
      events: [{ name: 'network-changed', server_uuid: serverId, tag: 'foo', status: 'completed' }],
    }),
    {
      ...make('GET /os-console-auth-tokens/{id}', ''),
      rare: true,
      // Until 2.30 it was for consoles of a kind that is no more.
      async send(at) {
        const path = `/servers/${serverId}/remote-consoles`
        const made = await clients.admin.ok('compute', 'POST', path, vnc)
        const url = new URL((made as { remote_console: { url: string } }).remote_console.url)
        const token = decodeURIComponent(url.search).split('token=')[1] ?? ''
        const version = header(minor(at) < 31 ? '2.31' : at)
        return clients.admin.call('compute', 'GET', `/os-console-auth-tokens/${token}`, undefined, version)
      },
    },
  ]
}

function usageAsks({ clients, otherProject }: Ground, make: Make): Ask[] {
  const usage = '/os-simple-tenant-usage'
  const paged = (path: string) => (at: string) => (minor(at) < 40 ? path : `${path}&limit=1`)
  const own = `${usage}/${clients.demo.projectId}`
  return [
    make(`GET ${usage}`, usage),
    make(`GET ${usage}`, `${usage}?detailed=1`),
    make(`GET ${usage}`, (at) => (minor(at) < 40 ? usage : `${usage}?limit=1`)),
    make(`GET ${usage}`, paged(`${usage}?detailed=1`)),
    make(`GET ${usage}/{id}`, own, undefined, 'demo'),
    make(`GET ${usage}/{id}`, paged(`${own}?start=2020-01-01T00:00:00`), undefined, 'demo'),
    make('GET /os-quota-class-sets/{id}', '/os-quota-class-sets/default'),
    make('PUT /os-quota-class-sets/{id}', `/os-quota-class-sets/${otherProject}`, {
      quota_class_set: { cores: 45 },
    }),
  ]
}
