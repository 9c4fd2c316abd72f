/** A request for every route of what admins and owners keep beside servers: groups, aggregates, extensions … */
import type { Ask, Ground, Make } from './cloud-asks.ts'

const minor = (at: string): number => Number(at.split('.')[1])

export function adminAsks(ground: Ground, make: Make): Ask[] {
  return [
    make('GET /extensions', '/extensions'),
    make('GET /extensions/{id}', '/extensions/os-agents'),
    ...groupAsks(ground, make),
    ...usageAsks(ground, make),
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
        const header = { 'openstack-api-version': `compute ${at}` }
        return clients.demo.call('compute', 'DELETE', `/os-server-groups/${id}`, undefined, header)
      },
    },
  ]
}

function usageAsks({ clients, otherProject }: Ground, make: Make): Ask[] {
  const usage = '/os-simple-tenant-usage'
  const paged = (path: string) => (at: string) => (minor(at) < 40 ? path : `${path}&limit=1`)
  const own = `${usage}/${clients.demo.projectId}`
  const audits = '/os-instance_usage_audit_log'
  return [
    make(`GET ${usage}`, usage),
    make(`GET ${usage}`, paged(`${usage}?detailed=1`)),
    make(`GET ${usage}/{id}`, own, undefined, 'demo'),
    make(`GET ${usage}/{id}`, paged(`${own}?start=2020-01-01T00:00:00`), undefined, 'demo'),
    make(`GET ${audits}`, audits),
    make(`GET ${audits}/{id}`, `${audits}/2020-01-01`),
    make('GET /os-quota-class-sets/{id}', '/os-quota-class-sets/default'),
    make('PUT /os-quota-class-sets/{id}', `/os-quota-class-sets/${otherProject}`, {
      quota_class_set: { cores: 45 },
    }),
  ]
}
