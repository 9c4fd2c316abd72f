/** Binding: a port with a host becomes one that a guest can be plugged into. */
import type { NeutronCaller } from './caller.ts'
import type { Neutron } from './controller.ts'
import type { PortDoc } from './documents.ts'
import { change, type Work } from './kind.ts'
import { listDocs } from './store.ts'

const needsBinding = (port: PortDoc): boolean =>
  port['binding:host_id'] !== '' &&
  port['binding:vif_type'] === 'unbound' &&
  !port.device_owner.startsWith('network:')

/**
 * Waits until the plane is ready for the ports, then writes how each is bound. When the plane failed
 * they are `binding_failed`, which Nova knows how to take.
 */
export async function bindPorts(
  neutron: Neutron,
  caller: NeutronCaller,
  ports: readonly PortDoc[],
): Promise<PortDoc[]> {
  const waiting = ports.filter(needsBinding)
  if (waiting.length === 0) return [...ports]
  const { failed } = await neutron.settle([...new Set(waiting.map((port) => port.network_id))])
  return neutron.write(caller, async (work) => {
    const fresh = new Map(
      (await listDocs(work.db, 'port', { ids: ports.map((port) => port.id) })).map((port) => [port.id, port]),
    )
    const bound: PortDoc[] = []
    for (const port of ports) {
      const current = fresh.get(port.id)
      if (!current || !needsBinding(current)) bound.push(current ?? port)
      else bound.push(await change(work, 'port', current, bindingOf(neutron.plane, current, failed)))
    }
    return bound
  })
}

type Binder = Pick<Neutron['plane'], 'vifType' | 'vifDetails'>

/** How a new port is bound at once, where no plane has to be waited for. */
export const bindingAtOnce = (plane: Work['plane'], port: PortDoc): Partial<PortDoc> =>
  !plane.serves && needsBinding(port) ? bindingOf(plane, port, undefined) : {}

function bindingOf(plane: Binder, port: PortDoc, failed: unknown): Partial<PortDoc> {
  if (failed !== undefined) return { 'binding:vif_type': 'binding_failed', 'binding:vif_details': {} }
  return {
    'binding:vif_type': plane.vifType,
    'binding:vif_details': plane.vifDetails(port.network_id),
    status: port.admin_state_up ? 'ACTIVE' : 'DOWN',
  }
}
