/** Networks as nova-network showed them: of Neutron's, little more than id and name is known in those words. */
import { type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { notFound } from '#lib/fault.ts'
import type { Network } from '#neighbours/networks/port.ts'
import { operation } from '#lib/versioned/index.ts'
import { ENDED } from './ended.ts'

const FIELDS = ['cidr', 'netmask', 'gateway', 'broadcast', 'dns1', 'dns2'] as const
const FIELDS_V6 = ['cidr_v6', 'gateway_v6', 'netmask_v6'] as const
/** What only admins see, whose project it is included: Nova never told that of Neutron's. */
const ADMIN_FIELDS = [
  'created_at',
  'updated_at',
  'deleted_at',
  'deleted',
  'injected',
  'bridge',
  'vlan',
  'vpn_public_address',
  'vpn_public_port',
  'vpn_private_address',
  'dhcp_start',
  'host',
  'bridge_interface',
  'multi_host',
  'priority',
  'rxtx_base',
  'mtu',
  'dhcp_server',
  'enable_dhcp',
  'share_address',
  'project_id',
] as const

const nothing = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, null]))

const shown = (network: Network, isAdmin: boolean) => ({
  id: network.id,
  ...nothing(FIELDS),
  ...nothing(FIELDS_V6),
  label: network.name,
  ...(isAdmin && nothing(ADMIN_FIELDS)),
})

const shownToTenant = ({ id, name }: Network) => ({ id, cidr: 'None', label: name })

export function networkRoutes({ networks }: Services): readonly Route[] {
  const callerOf = ({ token, context }: Pick<Call<unknown, unknown, never>, 'token' | 'context'>) => ({
    token,
    projectId: context.projectId ?? '',
  })
  const find = async (call: Call<unknown, unknown, never>): Promise<Network> => {
    const [network] = await networks.findNetworks([call.params['id'] ?? ''], callerOf(call))
    if (!network) throw notFound('Network not found')
    return network
  }
  const rule = (noun: string, verb: string) => ({ policy: `os_compute_api:${noun}:${verb}` })
  return [
    serve(operation({ ...ENDED, path: 'GET /os-networks', ...rule('os-networks', 'list') }), async (call) => {
      const found = await networks.visible(callerOf(call))
      return { body: { networks: found.map((network) => shown(network, call.isAdmin)) } }
    }),
    serve(
      operation({ ...ENDED, path: 'GET /os-networks/{id}', ...rule('os-networks', 'show') }),
      async (call) => ({
        body: { network: shown(await find(call), call.isAdmin) },
      }),
    ),
    serve(
      operation({ ...ENDED, path: 'GET /os-tenant-networks', ...rule('os-tenant-networks', 'list') }),
      async (call) => ({
        body: { networks: (await networks.visible(callerOf(call))).map(shownToTenant) },
      }),
    ),
    serve(
      operation({ ...ENDED, path: 'GET /os-tenant-networks/{id}', ...rule('os-tenant-networks', 'show') }),
      async (call) => ({
        body: { network: shownToTenant(await find(call)) },
      }),
    ),
  ]
}
