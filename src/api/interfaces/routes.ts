/** A server's network interfaces, as the network service has them: shown, attached, detached. */
import { visibleInstance } from '#api/instances/index.ts'
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { notFound } from '#lib/fault.ts'
import { operation, query, shownSince, view } from '#lib/versioned/index.ts'
import type { Port } from '#neighbours/networks/port.ts'
import { attach, attachInterface, detach, detachInterface } from './attach.ts'

const RULE = 'os_compute_api:os-attach-interfaces'
const PATH = 'GET /servers/{server_id}/os-interface'
const none = query({}, { strictSince: '2.102' })

export const listInterfaces = operation({ path: PATH, query: none })
export const showInterface = operation({ path: `${PATH}/{id}`, query: none })

const interfaceView = view<Port, { readonly tag: string | null }>({
  net_id: (port) => port.networkId,
  port_id: (port) => port.id,
  mac_addr: (port) => port.macAddress,
  port_state: (port) => port.status,
  fixed_ips: (port) =>
    port.fixedIps.map(({ subnetId, ipAddress }) => ({ subnet_id: subnetId, ip_address: ipAddress })),
  tag: shownSince('2.70', (_port, { tag }) => tag),
})

export function interfaceRoutes(services: Services): readonly Route[] {
  const { networks } = services
  return [
    serve(listInterfaces, async (call) => {
      const instance = await visibleInstance(services, call, call.params['server_id'] ?? '')
      call.enforce(`${RULE}:list`, { project_id: instance.projectId })
      const tags = new Map(instance.networkInfo.map((vif) => [vif.id, vif.tag]))
      const render = call.render(interfaceView)
      const ports = await networks.ports(instance.uuid)
      return {
        body: { interfaceAttachments: ports.map((port) => render(port, { tag: tags.get(port.id) ?? null })) },
      }
    }),

    serve(showInterface, async (call) => {
      const instance = await visibleInstance(services, call, call.params['server_id'] ?? '')
      call.enforce(`${RULE}:show`, { project_id: instance.projectId })
      const id = call.params['id'] ?? ''
      const port = (await networks.ports(instance.uuid)).find((candidate) => candidate.id === id)
      if (!port) {
        const elsewhere = await networks.findPort(id, {
          token: call.token,
          projectId: call.context.projectId ?? '',
        })
        throw notFound(
          elsewhere
            ? `Instance ${instance.uuid} does not have a port with id ${id}`
            : `Port id ${id} could not be found.`,
        )
      }
      const tag = instance.networkInfo.find((vif) => vif.id === id)?.tag ?? null
      return { body: { interfaceAttachment: call.render(interfaceView)(port, { tag }) } }
    }),

    serve(attachInterface, async (call) => {
      const { instance, vif } = await attach(call, services)
      const port = (await networks.ports(instance.uuid)).find(({ id }) => id === vif.id)
      if (!port) throw notFound(`Port id ${vif.id} could not be found.`)
      return { body: { interfaceAttachment: call.render(interfaceView)(port, { tag: vif.tag }) } }
    }),

    serve(detachInterface, async (call) => {
      await detach(call, services)
      return {}
    }),
  ]
}
