/** An interface is attached: its port is made or bound now, since the answer shows it; and detached. The host's part is the conductor's. */
import { actionOf, beginOperation, getServer } from '#api/instances/index.ts'
import type { Call, Services } from '#api/kernel/index.ts'
import {
  finishActionEvent,
  finishInstanceAction,
  insertInstanceActions,
  startActionEvent,
} from '#db/instance-actions.ts'
import { insertInstanceFault } from '#db/instance-faults.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, conflict, Fault, forbidden, isFault, notFound } from '#lib/fault.ts'
import { constant, list, object, operation, required, since, t } from '#lib/versioned/index.ts'
import { type Instance, requireAllowed } from '#model/instance/index.ts'
import type { Vif } from '#model/network/index.ts'
import type { Caller, Network, PortRequest } from '#neighbours/networks/port.ts'

const RULE = 'os_compute_api:os-attach-interfaces'
const PATH = '/servers/{server_id}/os-interface'

const address = constant<string>({ type: 'string', oneOf: [{ format: 'ipv4' }, { format: 'ipv6' }] })

export const attachInterface = operation({
  path: `POST ${PATH}`,
  body: object({
    interfaceAttachment: object({
      net_id: t.uuid,
      port_id: t.uuid,
      fixed_ips: list(object({ ip_address: required(address) }), { minItems: 1, maxItems: 1 }),
      tag: since('2.49', t.string({ minLength: 1, maxLength: 60, pattern: '^[^,/]*$' })),
    }),
  }),
})

export const detachInterface = operation({ path: `DELETE ${PATH}/{id}`, status: 202 })

interface Wish {
  readonly net_id?: string | undefined
  readonly port_id?: string | undefined
  readonly fixed_ips?: readonly { readonly ip_address: string }[] | undefined
  readonly tag?: string | undefined
}

type AttachCall = Call<{ readonly interfaceAttachment?: Wish | undefined }, unknown, never>

/** Begins it and answers the instance and its new interface. */
export async function attach(
  call: AttachCall,
  services: Services,
): Promise<{ readonly instance: Instance; readonly vif: Vif }> {
  const wish = call.body.interfaceAttachment ?? {}
  const instance = await getServer(call, services, `${RULE}:create`)
  if (wish.net_id !== undefined && wish.port_id !== undefined)
    throw badRequest('Must not input both network_id and port_id')
  if (wish.fixed_ips !== undefined && wish.net_id === undefined)
    throw badRequest('Must input network_id when request IP address')
  requireAllowed('attach_interface', instance, call)
  const request = await requestOf(call, services, wish)
  const { host } = instance
  if (host === null) throw conflict(`Instance ${instance.uuid} is not ready`)
  const vif = await bind(services, { ...instance, host }, request)
  try {
    await beginOperation(call, services, {
      instance,
      operations: ['attach_interface'],
      action: 'attach_interface',
      saga: 'attach-interface',
      params: { portId: vif.id },
      change: ({ networkInfo }) => ({ networkInfo: [...networkInfo, vif] }),
    })
  } catch (error) {
    await services.networks.detach(vif.id, { keep: vif.preexisting })
    throw error
  }
  return { instance, vif }
}

async function requestOf(call: AttachCall, { networks }: Services, wish: Wish): Promise<PortRequest> {
  const caller: Caller = { token: call.token, projectId: call.context.projectId ?? '' }
  const nothing = { portId: null, fixedIp: null, securityGroupIds: [], tag: wish.tag ?? null }
  if (wish.port_id !== undefined) {
    const port = await networks.findPort(wish.port_id, caller)
    if (!port) throw notFound(`Port id ${wish.port_id} could not be found.`)
    if (port.deviceId !== '') throw conflict(`Port ${port.id} is still in use.`)
    if (port.fixedIps.length === 0)
      throw badRequest(`Port ${port.id} requires a FixedIP in order to be used.`)
    return { ...nothing, networkId: port.networkId, portId: port.id }
  }
  const network = await networkOf(networks, caller, wish.net_id)
  if (network.external && !network.shared && !call.may('network:attach_external_network'))
    throw forbidden(`It is not allowed to create an interface on external network ${network.id}`)
  if (network.subnetIds.length === 0)
    throw badRequest(`Network ${network.id} requires a subnet in order to boot instances on.`)
  const left = await networks.portsLeft(caller)
  if (left !== undefined && left < 1) throw forbidden('Maximum number of ports exceeded')
  return { ...nothing, networkId: network.id, fixedIp: wish.fixed_ips?.[0]?.ip_address ?? null }
}

/** The one that is named, or the only one there is. */
async function networkOf(
  networks: Services['networks'],
  caller: Caller,
  id: string | undefined,
): Promise<Network> {
  if (id !== undefined) {
    const [network] = await networks.findNetworks([id], caller)
    if (!network) throw notFound(`Network ${id} could not be found.`)
    return network
  }
  const [network, other] = await networks.available(caller)
  if (!network)
    throw badRequest(
      `No specific network was requested and none are available for project '${caller.projectId}'.`,
    )
  if (other)
    throw badRequest(
      'More than one possible network found. Specify network ID(s) to select which one(s) to connect to.',
    )
  return network
}

/** What Neutron would not do, in Nova's words. */
async function bind(
  { networks }: Services,
  instance: Instance & { readonly host: string },
  request: PortRequest,
): Promise<Vif> {
  const { uuid: instanceUuid, projectId, host, hostname } = instance
  const owner = {
    instanceUuid,
    projectId,
    host,
    hostname,
    availabilityZone: instance.availabilityZone ?? 'nova',
  }
  try {
    return await networks.attach(owner, request)
  } catch (error) {
    if (isFault(error)) throw (REFUSALS[error.code ?? ''] ?? (() => error))(request, error)
    throw error
  }
}

const REFUSALS: Readonly<Record<string, (request: PortRequest, cause: Fault) => Fault>> = {
  IpAddressAlreadyAllocated: ({ fixedIp }, cause) =>
    conflict(`Fixed IP address ${fixedIp ?? ''} is already in use on instance unknown.`, { cause }),
  IpAddressInUse: ({ fixedIp }, cause) =>
    conflict(`Fixed IP address ${fixedIp ?? ''} is already in use on instance unknown.`, { cause }),
  InvalidIpForNetwork: ({ fixedIp, networkId }, cause) =>
    badRequest(`Fixed IP ${fixedIp ?? ''} is not a valid ip address for network ${networkId}.`, { cause }),
  InvalidIpForSubnet: ({ fixedIp, networkId }, cause) =>
    badRequest(`Fixed IP ${fixedIp ?? ''} is not a valid ip address for network ${networkId}.`, { cause }),
  IpAddressGenerationFailure: ({ networkId }, cause) =>
    badRequest(`No fixed IP addresses available for network: ${networkId}`, { cause }),
  OverQuota: (_request, cause) => forbidden('Maximum number of ports exceeded', { cause }),
  PortBindingFailed: (_request, { message }) => new Fault('internal', message),
}

export async function detach(call: Call<unknown, unknown, never>, services: Services): Promise<void> {
  const instance = await getServer(call, services, `${RULE}:delete`)
  const portId = call.params['id'] ?? ''
  requireAllowed('detach_interface', instance, call)
  if (!instance.networkInfo.some(({ id }) => id === portId)) return tellNotAttached(call, services, instance)
  await beginOperation(call, services, {
    instance,
    operations: ['detach_interface'],
    action: 'detach_interface',
    saga: 'detach-interface',
    params: { portId },
  })
}

const DETACH_EVENT = 'compute_detach_interface'

/** A port that the server does not have: Nova takes the request, and its action fails; the server stays as it is. */
async function tellNotAttached(
  call: Call<unknown, unknown, never>,
  { db, clock }: Services,
  instance: Instance,
): Promise<void> {
  const { uuid, host } = instance
  const key = { instanceUuid: uuid, requestId: call.context.requestId }
  const fault = { code: 404, message: `Port ${call.params['id'] ?? ''} is not attached`, details: null, host }
  await db.transaction<NovaDb, void>(async (trx) => {
    const at = { now: clock.now() }
    await insertInstanceActions(trx, [actionOf(call, instance, 'detach_interface')], at)
    await startActionEvent(trx, key, { event: DETACH_EVENT, host }, at)
    const ended = { event: DETACH_EVENT, result: 'Error', details: fault.message } as const
    await finishActionEvent(trx, key, ended, at)
    await finishInstanceAction(trx, key, at)
    await insertInstanceFault(trx, uuid, fault, at)
  })
}
