/** A request for every route of what servers have of Cinder and Neutron, and of those that ended when these came. */
import { eventually } from '../eventually.ts'
import type { Ask, Ground, Make } from './cloud-asks.ts'

const minor = (at: string): number => Number(at.split('.')[1])
const header = (at: string) => ({ 'openstack-api-version': `compute ${at}` })

export function neighbourAsks(ground: Ground, make: Make): Ask[] {
  return [
    ...attachmentAsks(ground, make),
    ...interfaceAsks(ground, make),
    ...volumeAsks(ground, make),
    ...networkAsks(ground, make),
    ...imageAsks(ground, make),
    ...actionAsks(ground, make),
  ]
}

/** What is made when it is first needed. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= work())
}

const statusOf = async ({ clients }: Ground, id: string): Promise<string> => {
  const { status, body } = await clients.demo.call('volumev3', 'GET', `/volumes/${id}`)
  return status === 404 ? 'gone' : body.volume.status
}

async function newVolume(ground: Ground): Promise<string> {
  await ground.clients.admin.ok('volumev3', 'PUT', `/os-quota-sets/${ground.clients.demo.projectId}`, {
    quota_set: { volumes: -1, gigabytes: -1, snapshots: -1 },
  })
  const { volume } = await ground.clients.demo.ok('volumev3', 'POST', '/volumes', { volume: { size: 1 } })
  await eventually(async () => (await statusOf(ground, volume.id)) === 'available', { what: 'a volume' })
  return volume.id
}

async function attached(ground: Ground): Promise<string> {
  const volumeId = await newVolume(ground)
  const path = `/servers/${ground.serverId}/os-volume_attachments`
  await ground.clients.demo.ok('compute', 'POST', path, { volumeAttachment: { volumeId } })
  await eventually(async () => (await statusOf(ground, volumeId)) === 'in-use', {
    what: 'an attached volume',
  })
  return volumeId
}

function attachmentAsks(ground: Ground, make: Make): Ask[] {
  const { clients, serverId } = ground
  const path = `/servers/${serverId}/os-volume_attachments`
  const route = '/servers/{server_id}/os-volume_attachments'
  const kept = once(() => attached(ground))
  const of = (asked: string, send: Ask['send']): Ask => ({ ...make(asked, ''), send })
  const call = (method: string, at: string, tail = '', body?: unknown, who: 'demo' | 'admin' = 'demo') =>
    clients[who].call('compute', method, `${path}${tail}`, body, header(at))
  return [
    of(`GET ${route}`, async (at) => {
      await kept()
      return call('GET', at)
    }),
    of(`GET ${route}/{id}`, async (at) => call('GET', at, `/${await kept()}`)),
    of(`POST ${route}`, async (at) => {
      const more = {
        ...(minor(at) >= 49 && { tag: 'foo' }),
        ...(minor(at) >= 79 && { delete_on_termination: true }),
      }
      return call('POST', at, '', { volumeAttachment: { volumeId: await newVolume(ground), ...more } })
    }),
    of(`PUT ${route}/{id}`, async (at) => {
      if (minor(at) < 85) {
        const [from, to] = [await attached(ground), await newVolume(ground)]
        return call('PUT', at, `/${from}`, { volumeAttachment: { volumeId: to } }, 'admin')
      }
      const volumeId = await kept()
      return call('PUT', at, `/${volumeId}`, { volumeAttachment: { volumeId, delete_on_termination: true } })
    }),
    of(`DELETE ${route}/{id}`, async (at) => call('DELETE', at, `/${await attached(ground)}`)),
  ]
}

function interfaceAsks({ clients, serverId }: Ground, make: Make): Ask[] {
  const path = `/servers/${serverId}/os-interface`
  const route = '/servers/{server_id}/os-interface'
  const privateNetwork = once(async () => {
    const { networks } = await clients.demo.ok('network', 'GET', '/networks?name=private')
    return String(networks[0].id)
  })
  const attach = async (at: string) => {
    const wish = { net_id: await privateNetwork(), ...(minor(at) >= 49 && { tag: 'foo' }) }
    return clients.demo.call('compute', 'POST', path, { interfaceAttachment: wish }, header(at))
  }
  return [
    { ...make(`POST ${route}`, ''), send: attach },
    {
      ...make(`DELETE ${route}/{id}`, ''),
      async send(at) {
        const { port_id: port } = (await attach('2.1')).body.interfaceAttachment
        return clients.demo.call('compute', 'DELETE', `${path}/${port}`, undefined, header(at))
      },
    },
  ]
}

function volumeAsks(ground: Ground, make: Make): Ask[] {
  const { demo } = ground.clients
  const kept = once(() => newVolume(ground))
  const used = once(() => attached(ground))
  const snapshotOf = async (volume: string): Promise<string> => {
    const snapshot = { volume_id: volume, name: 's' }
    const { id } = (await demo.ok('volumev3', 'POST', '/snapshots', { snapshot })).snapshot
    await eventually(
      async () => (await demo.ok('volumev3', 'GET', `/snapshots/${id}`)).snapshot.status === 'available',
    )
    return id
  }
  const snapshot = once(async () => snapshotOf(await kept()))
  const of = (route: string, path: (at: string) => Promise<string>, body?: () => Promise<unknown>): Ask => ({
    ...make(route, ''),
    async send(at) {
      const [method = ''] = route.split(' ')
      return demo.call('compute', method, await path(at), await body?.(), header(at))
    },
  })
  const list = (path: string) =>
    of(`GET ${path}`, async () => {
      await snapshot()
      return path
    })
  return [
    ...['/os-volumes', '/os-volumes/detail', '/os-snapshots', '/os-snapshots/detail'].map(list),
    of('GET /os-volumes/{id}', async () => `/os-volumes/${await used()}`),
    of('GET /os-snapshots/{id}', async () => `/os-snapshots/${await snapshot()}`),
    make('POST /os-volumes', '/os-volumes', { volume: { size: 1, display_name: 'v' } }, 'demo'),
    of(
      'POST /os-snapshots',
      async () => '/os-snapshots',
      async () => ({ snapshot: { volume_id: await kept(), force: true } }),
    ),
    of('DELETE /os-volumes/{id}', async () => `/os-volumes/${await newVolume(ground)}`),
    of('DELETE /os-snapshots/{id}', async () => `/os-snapshots/${await snapshotOf(await kept())}`),
  ]
}

function networkAsks({ clients: { demo } }: Ground, make: Make): Ask[] {
  const old = (method: string, path: string, body?: unknown) =>
    demo.call('compute', method, path, body, header('2.1'))
  const networks = once(async () => String((await old('GET', '/os-networks')).body.networks[0].id))
  const newIp = async (): Promise<string> => {
    const [{ name }] = (await old('GET', '/os-floating-ip-pools')).body.floating_ip_pools
    return (await old('POST', '/os-floating-ips', { pool: name })).body.floating_ip.id
  }
  const ip = once(newIp)
  const wish = { security_group: { name: 'test', description: 'description' } }
  const group = once(async () =>
    String((await old('POST', '/os-security-groups', wish)).body.security_group.id),
  )
  const ruleOf = async (port: number) => ({
    security_group_rule: {
      parent_group_id: await group(),
      ip_protocol: 'tcp',
      from_port: port,
      to_port: port,
    },
  })
  let port = 1
  const of = (route: string, path: () => Promise<string>, body?: () => Promise<unknown>): Ask => ({
    ...make(route, ''),
    async send(at) {
      const [method = ''] = route.split(' ')
      return demo.call('compute', method, await path(), await body?.(), header(at))
    },
  })
  return [
    make('GET /os-networks', '/os-networks'),
    make('GET /os-networks', '/os-networks', undefined, 'demo'),
    make('GET /os-tenant-networks', '/os-tenant-networks', undefined, 'demo'),
    of('GET /os-networks/{id}', async () => `/os-networks/${await networks()}`),
    of('GET /os-tenant-networks/{id}', async () => `/os-tenant-networks/${await networks()}`),
    make('GET /os-floating-ip-pools', '/os-floating-ip-pools', undefined, 'demo'),
    of('GET /os-floating-ips', async () => {
      await ip()
      return '/os-floating-ips'
    }),
    of('GET /os-floating-ips/{id}', async () => `/os-floating-ips/${await ip()}`),
    make('POST /os-floating-ips', '/os-floating-ips', { pool: 'public' }, 'demo'),
    of('DELETE /os-floating-ips/{id}', async () => `/os-floating-ips/${await newIp()}`),
    make('GET /os-security-groups', '/os-security-groups', undefined, 'demo'),
    of('GET /os-security-groups/{id}', async () => `/os-security-groups/${await group()}`),
    of(
      'PUT /os-security-groups/{id}',
      async () => `/os-security-groups/${await group()}`,
      async () => wish,
    ),
    of(
      'POST /os-security-groups',
      async () => '/os-security-groups',
      async () => ({
        security_group: { name: `g${port++}`, description: 'd' },
      }),
    ),
    of('DELETE /os-security-groups/{id}', async () => {
      const named = { security_group: { name: `g${port++}`, description: 'd' } }
      return `/os-security-groups/${(await old('POST', '/os-security-groups', named)).body.security_group.id}`
    }),
    of(
      'POST /os-security-group-rules',
      async () => '/os-security-group-rules',
      () => ruleOf(port++),
    ),
    of('DELETE /os-security-group-rules/{id}', async () => {
      const { security_group_rule: rule } = (
        await old('POST', '/os-security-group-rules', await ruleOf(port++))
      ).body
      return `/os-security-group-rules/${rule.id}`
    }),
  ]
}

/** Of a floating IP that comes and goes, and of the group that every project has. */
function actionAsks({ clients: { demo }, serverId }: Ground, make: Make): Ask[] {
  const path = `/servers/${serverId}/action`
  const act = (at: string, name: string, args: object) =>
    demo.call('compute', 'POST', path, { [name]: args }, header(at))
  const newIp = async (): Promise<string> => {
    const pool = { pool: 'public' }
    return (await demo.call('compute', 'POST', '/os-floating-ips', pool, header('2.1'))).body.floating_ip.ip
  }
  /** One at a time: a fixed address has one floating IP. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work)
    last = turn.catch(() => undefined)
    return turn
  }
  const coming = (at: string, then: string) =>
    inTurn(async () => {
      const address = await newIp()
      const added = await act(at, 'addFloatingIp', { address })
      const removed = await act(then, 'removeFloatingIp', { address })
      return { added, removed }
    })
  const route = 'POST /servers/{id}/action'
  return [
    { ...make(`${route}#addFloatingIp`, ''), send: async (at) => (await coming(at, '2.1')).added },
    { ...make(`${route}#removeFloatingIp`, ''), send: async (at) => (await coming('2.1', at)).removed },
    make(`${route}#removeSecurityGroup`, path, { removeSecurityGroup: { name: 'default' } }, 'demo'),
    make(`${route}#addSecurityGroup`, path, { addSecurityGroup: { name: 'default' } }, 'demo'),
  ]
}

function imageAsks({ clients, imageId }: Ground, make: Make): Ask[] {
  const newImage = async (): Promise<string> =>
    (
      await clients.demo.ok('image', 'POST', '/images', {
        name: 'own',
        disk_format: 'raw',
        container_format: 'bare',
        auto_disk_config: 'true',
      })
    ).id
  const own = once(newImage)
  const shown = once(newImage)
  const of = (route: string, path: () => Promise<string>, body?: unknown): Ask => ({
    ...make(route, ''),
    async send(at) {
      const [method = ''] = route.split(' ')
      return clients.demo.call('compute', method, await path(), body, header(at))
    },
  })
  const metadata = '/images/{image_id}/metadata'
  const ownPath = async () => `/images/${await own()}/metadata`
  const item = async () => `${await ownPath()}/auto_disk_config`
  return [
    make('GET /images', '/images'),
    make('GET /images', '/images?limit=1'),
    make('GET /images/detail', '/images/detail'),
    make('GET /images/{id}', `/images/${imageId}`),
    of('GET /images/{id}', async () => `/images/${await shown()}`),
    of('GET /images/detail', async () => {
      await shown()
      return '/images/detail?name=own'
    }),
    of('DELETE /images/{id}', async () => `/images/${await newImage()}`),
    of(`GET ${metadata}`, ownPath),
    of(`GET ${metadata}/{id}`, item),
    of(`POST ${metadata}`, ownPath, { metadata: { kernel_id: 'False', Label: 'UpdatedImage' } }),
    of(`PUT ${metadata}`, ownPath, { metadata: { auto_disk_config: 'True', Label: 'Changed' } }),
    of(`PUT ${metadata}/{id}`, item, { meta: { auto_disk_config: 'False' } }),
    of(`DELETE ${metadata}/{id}`, async () => `/images/${await newImage()}/metadata/auto_disk_config`),
  ]
}
