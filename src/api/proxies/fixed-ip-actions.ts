/** One more fixed address on an interface of a server, or one less: to 2.43, as the network service lets the caller. */
import { getServer } from '#api/instances/index.ts'
import { type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { modifyInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest } from '#lib/fault.ts'
import { constant, object, operation, required, wrapped } from '#lib/versioned/index.ts'
import { type Instance, requireAllowed } from '#model/instance/index.ts'
import type { Port } from '#neighbours/networks/port.ts'

type AnyCall = Call<unknown, unknown, never>

const RULE = 'os_compute_api:os-multinic'
const on = { path: 'POST /servers/{id}/action', status: 202, versions: '..2.43' } as const

const networkId = constant<string | number>({ type: ['string', 'number'], minLength: 1, maxLength: 36 })
const address = constant<string>({ type: 'string', oneOf: [{ format: 'ipv4' }, { format: 'ipv6' }] })

const addIp = operation({
  ...on,
  action: 'addFixedIp',
  body: wrapped('addFixedIp', object({ networkId: required(networkId) })),
})
const removeIp = operation({
  ...on,
  action: 'removeFixedIp',
  body: wrapped('removeFixedIp', object({ address: required(address) })),
})

const documentOf = ({ subnetId, ipAddress }: Port['fixedIps'][number]) => ({
  subnet_id: subnetId,
  ip_address: ipAddress,
})

/** Gives the port these addresses, and notes what it has then. */
async function change(
  call: AnyCall,
  services: Services,
  { uuid }: Instance,
  { port, fixedIps }: { readonly port: Port; readonly fixedIps: readonly object[] },
): Promise<void> {
  const json = { port: { fixed_ips: fixedIps } }
  await services.passThrough.ask({ service: 'network', method: 'PUT', path: `ports/${port.id}`, json }, call)
  const fresh = new Map((await services.networks.vifs(uuid)).map((vif) => [vif.id, vif.fixedIps]))
  const now = services.clock.now()
  await modifyInstance(services.db.typed<NovaDb>(), uuid, { now }, ({ networkInfo }) => ({
    networkInfo: networkInfo.map((vif) => ({ ...vif, fixedIps: fresh.get(vif.id) ?? vif.fixedIps })),
  }))
}

export const fixedIpActionRoutes = (services: Services): readonly Route[] => [
  serve(addIp, async (call) => {
    const instance = await getServer(call, services, `${RULE}:add`)
    requireAllowed('add_fixed_ip', instance, call)
    const wanted = String(call.body.addFixedIp.networkId)
    const port = (await services.networks.ports(instance.uuid)).find((one) => one.networkId === wanted)
    const subnetId = port?.fixedIps[0]?.subnetId
    if (!port || subnetId === undefined)
      throw badRequest(`No fixed IP addresses available for network: ${wanted}`)
    const fixedIps = [...port.fixedIps.map(documentOf), { subnet_id: subnetId }]
    await change(call, services, instance, { port, fixedIps })
    return {}
  }),
  serve(removeIp, async (call) => {
    const instance = await getServer(call, services, `${RULE}:remove`)
    requireAllowed('remove_fixed_ip', instance, call)
    const unwanted = call.body.removeFixedIp.address
    const has = ({ ipAddress }: Port['fixedIps'][number]) => ipAddress === unwanted
    const port = (await services.networks.ports(instance.uuid)).find((one) => one.fixedIps.some(has))
    if (!port) throw badRequest(`Instance ${instance.uuid} does not have fixed IP '${unwanted}'.`)
    const fixedIps = port.fixedIps.filter((ip) => !has(ip)).map(documentOf)
    await change(call, services, instance, { port, fixedIps })
    return {}
  }),
]
