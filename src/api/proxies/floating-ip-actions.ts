/** A floating IP is given to a server's fixed address, or taken away; to 2.43. */
import { getServer } from '#api/instances/index.ts'
import { type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { modifyInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, conflict, notFound } from '#lib/fault.ts'
import { constant, object, operation, required, wrapped } from '#lib/versioned/index.ts'
import type { Instance } from '#model/instance/index.ts'
import type { Document } from '#neighbours/pass-through/port.ts'
import { refusing } from './ended.ts'

const RULE = 'os_compute_api:os-floating-ips'
const address = constant<string>({ type: 'string', oneOf: [{ format: 'ipv4' }, { format: 'ipv6' }] })
const PATH = { path: 'POST /servers/{id}/action', status: 202, versions: '..2.43' } as const

const addIp = operation({
  ...PATH,
  action: 'addFloatingIp',
  body: wrapped('addFloatingIp', object({ address: required(address), fixed_address: address })),
})
const removeIp = operation({
  ...PATH,
  action: 'removeFloatingIp',
  body: wrapped('removeFloatingIp', object({ address: required(address) })),
})

type AnyCall = Call<unknown, unknown, never>

export function floatingIpActionRoutes(services: Services): readonly Route[] {
  const { passThrough, networks } = services
  /** `missing`: what is said when there is none: Nova has other words for each action. */
  const find = async (call: AnyCall, wanted: string, missing: string): Promise<Document> => {
    const path = `floatingips?floating_ip_address=${encodeURIComponent(wanted)}`
    const answer = await passThrough.ask({ service: 'network', method: 'GET', path }, call)
    const [found] = answer['floatingips'] as Document[]
    if (!found) throw notFound(missing)
    return found
  }
  /** Points the floating IP, and notes where addresses float to now. */
  const point = async (call: AnyCall, uuid: string, ip: Document, to: object): Promise<void> => {
    const path = `floatingips/${String(ip['id'])}`
    await refusing(
      passThrough.ask({ service: 'network', method: 'PUT', path, json: { floatingip: to } }, call),
      { conflict: ['badRequest'], forbidden: ['forbidden'] },
    )
    const fresh = new Map((await networks.vifs(uuid)).map((vif) => [vif.id, vif.fixedIps]))
    await modifyInstance(
      services.db.typed<NovaDb>(),
      uuid,
      { now: services.clock.now() },
      ({ networkInfo }) => ({
        networkInfo: networkInfo.map((vif) => ({ ...vif, fixedIps: fresh.get(vif.id) ?? vif.fixedIps })),
      }),
    )
  }
  return [
    serve(addIp, async (call) => {
      const instance = await getServer(call, services, `${RULE}:add`)
      const { address: floating, fixed_address: fixed } = call.body.addFloatingIp
      const target = targetOf(instance, floating, fixed)
      const ip = await find(call, floating, 'floating IP not found')
      await point(call, instance.uuid, ip, { port_id: target.portId, fixed_ip_address: target.address })
      return {}
    }),
    serve(removeIp, async (call) => {
      const { uuid } = await getServer(call, services, `${RULE}:remove`)
      const { address: floating } = call.body.removeFloatingIp
      const ip = await find(call, floating, `Floating IP not found for address ${floating}.`)
      const own = await networks.ports(uuid)
      if (!own.some(({ id }) => id === ip['port_id']))
        throw conflict(`Floating IP ${floating} is not associated with instance ${uuid}.`)
      await point(call, uuid, ip, { port_id: null })
      return {}
    }),
  ]
}

/** The fixed address that is asked for, or the first one of IPv4. Throws Nova's 400s. */
function targetOf({ uuid, networkInfo }: Instance, floating: string, fixed: string | undefined) {
  const all = networkInfo.flatMap(({ id: portId, fixedIps }) =>
    fixedIps.map(({ address: own, version }) => ({ portId, version, address: own })),
  )
  if (networkInfo.length === 0) throw badRequest('No nw_info cache associated with instance')
  if (all.length === 0) throw badRequest('No fixed IPs associated to instance')
  const found = all.find((one) => (fixed === undefined ? one.version === 4 : one.address === fixed))
  if (found) return found
  throw badRequest(
    fixed === undefined
      ? `Unable to associate floating IP ${floating} to any fixed IPs for instance ${uuid}. Instance has no fixed IPv4 addresses to associate.`
      : 'Specified fixed address not assigned to instance',
  )
}
