/** Requests for what goes on inside a server, and for what no driver or neighbour here has: refused as Nova refuses it. */
import { randomUUID } from 'node:crypto'
import type { Ask, Ground, Make } from './cloud-asks.ts'

const header = (at: string) => ({ 'openstack-api-version': `compute ${at}` })

export function insideAsks(ground: Ground, make: Make): Ask[] {
  return [
    ...partAsks(ground, make),
    ...shareAsks(ground, make),
    ...fixedIpAsks(ground, make),
    ...lackingAsks(ground, make),
    make('GET /os-instance_usage_audit_log', '/os-instance_usage_audit_log'),
    make('GET /os-instance_usage_audit_log/{id}', '/os-instance_usage_audit_log/2012-07-05%2010:00:00'),
  ]
}

function partAsks({ serverId }: Ground, make: Make): Ask[] {
  const server = `/servers/${serverId}`
  const part = 'servers/{server_id}'
  return [
    make(`GET /${part}/diagnostics`, `${server}/diagnostics`),
    make(`GET /${part}/topology`, `${server}/topology`),
    make(`GET /${part}/topology`, `${server}/topology`, undefined, 'demo'),
    make(`GET /${part}/os-server-password`, `${server}/os-server-password`, undefined, 'demo'),
    make(`DELETE /${part}/os-server-password`, `${server}/os-server-password`, undefined, 'demo'),
  ]
}

/** There are none, and none is known. */
function shareAsks({ serverId }: Ground, make: Make): Ask[] {
  const path = `/servers/${serverId}/shares`
  const route = '/servers/{server_id}/shares'
  const unknown = (ask: Ask): Ask => ({ ...ask, refused: 404 })
  return [
    make(`GET ${route}`, path, undefined, 'demo'),
    unknown(make(`GET ${route}/{id}`, `${path}/${randomUUID()}`)),
    unknown(make(`DELETE ${route}/{id}`, `${path}/${randomUUID()}`)),
    // Only a stopped server is given one.
    { ...make(`POST ${route}`, path, { share: { share_id: randomUUID() } }, 'demo'), refused: 409 },
  ]
}

function fixedIpAsks({ clients: { admin, demo }, serverId }: Ground, make: Make): Ask[] {
  const act = (at: string, name: string, args: object) =>
    admin.call('compute', 'POST', `/servers/${serverId}/action`, { [name]: args }, header(at))
  const addresses = async (): Promise<string[]> => {
    const { ports } = await demo.ok('network', 'GET', `/ports?device_id=${serverId}`)
    const all = ports as { network_id: string; fixed_ips: { ip_address: string }[] }[]
    return all.flatMap(({ fixed_ips: ips }) => ips.map(({ ip_address: ip }) => ip))
  }
  /** One more, and it is taken away again. */
  const comeAndGo = async (added: string, removed: string) => {
    const { networks } = await demo.ok('network', 'GET', '/networks?name=private')
    const before = new Set(await addresses())
    const add = await act(added, 'addFixedIp', { networkId: networks[0].id })
    const address = (await addresses()).find((one) => !before.has(one))
    return { add, remove: await act(removed, 'removeFixedIp', { address }) }
  }
  const route = 'POST /servers/{id}/action'
  return [
    { ...make(`${route}#addFixedIp`, ''), send: async (at) => (await comeAndGo(at, '2.1')).add },
    { ...make(`${route}#removeFixedIp`, ''), send: async (at) => (await comeAndGo('2.1', at)).remove },
  ]
}

/** What Nova, too, refuses where the driver or the neighbour does not do it. */
function lackingAsks({ serverId }: Ground, make: Make): Ask[] {
  const as = (refused: number, ask: Ask): Ask => ({ ...ask, refused })
  const power = (verb: string) => as(501, make(`GET /os-hosts/{id}/${verb}`, `/os-hosts/fake-2/${verb}`))
  const nodes = '/os-baremetal-nodes'
  const node = `${nodes}/${randomUUID()}`
  const console = (name: string, type: string) =>
    as(400, make(`POST /servers/{id}/action#${name}`, `/servers/${serverId}/action`, { [name]: { type } }))
  const volume = randomUUID()
  const assisted = '/os-assisted-volume-snapshots'
  const told = encodeURIComponent(JSON.stringify({ volume_id: volume }))
  return [
    ...['reboot', 'shutdown', 'startup'].map(power),
    as(501, make(`GET ${nodes}`, nodes)),
    as(501, make(`GET ${nodes}/{id}`, node)),
    as(400, make(`POST ${nodes}`, nodes, { node: {} })),
    as(400, make(`DELETE ${nodes}/{id}`, node)),
    as(400, make(`POST ${nodes}/{id}/action#add_interface`, `${node}/action`, { add_interface: {} })),
    as(400, make(`POST ${nodes}/{id}/action#remove_interface`, `${node}/action`, { remove_interface: {} })),
    console('os-getRDPConsole', 'rdp-html5'),
    console('os-getSPICEConsole', 'spice-html5'),
    console('os-getSerialConsole', 'serial'),
    as(
      400,
      make(`POST ${assisted}`, assisted, {
        snapshot: {
          volume_id: volume,
          create_info: { snapshot_id: randomUUID(), type: 'qcow2', new_file: 'new_file_name' },
        },
      }),
    ),
    as(400, make(`DELETE ${assisted}/{id}`, `${assisted}/${randomUUID()}?delete_info=${told}`)),
  ]
}
