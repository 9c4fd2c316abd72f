/** Making a port, for a caller or for Neutron itself: its MAC, addresses and groups. */
import { type Input, textIn } from '../attributes.ts'
import { bindingAtOnce } from '../binding.ts'
import type { AddressPair, NetworkDoc, PortDoc } from '../documents.ts'
import { isOwner, missing, type newDocument, refuse, type Work } from '../kind.ts'
import { claim, insertDoc, listDocs } from '../store.ts'
import { claimFixedIps, type FixedIpRequest } from './fixed-ips.ts'
import { ensureDefaultGroup, groupUse, securityGroup } from './security-group.ts'

/** Makes a port; the caller's rights and quota were checked. */
export async function insertPort(
  work: Work,
  parent: NetworkDoc,
  base: ReturnType<typeof newDocument>,
  input: Input,
): Promise<PortDoc> {
  const mac_address = await claimMac(work, parent.id, base.id, input['mac_address'] as string | undefined)
  const requested = (input['fixed_ips'] ?? undefined) as readonly FixedIpRequest[] | undefined
  const fixed_ips = await claimFixedIps(work, parent, { id: base.id, mac_address }, requested)
  const port_security_enabled =
    (input['port_security_enabled'] as boolean | undefined) ?? parent.port_security_enabled
  const device_owner = textIn(input, 'device_owner')
  const wantsDefault = port_security_enabled && !device_owner.startsWith('network:')
  const security_groups = await groupsFor(work, input, base.project_id, wantsDefault, base.id)
  const doc: PortDoc = {
    ...base,
    network_id: parent.id,
    admin_state_up: input['admin_state_up'] !== false,
    mac_address,
    fixed_ips,
    device_id: textIn(input, 'device_id'),
    device_owner,
    security_groups,
    allowed_address_pairs: pairs(input['allowed_address_pairs'], mac_address),
    port_security_enabled,
    dns_name: textIn(input, 'dns_name'),
    status: device_owner.startsWith('network:') ? 'ACTIVE' : 'DOWN',
    'binding:host_id': textIn(input, 'binding:host_id'),
    'binding:vnic_type': textIn(input, 'binding:vnic_type') || 'normal',
    'binding:profile': (input['binding:profile'] as Record<string, unknown> | null | undefined) ?? {},
    'binding:vif_type': 'unbound',
    'binding:vif_details': {},
  }
  checkSecurity(doc)
  const bound = { ...doc, ...bindingAtOnce(work.plane, doc) }
  await insertDoc(work.db, 'port', bound)
  return bound
}

export function checkSecurity(doc: PortDoc): void {
  if (doc.port_security_enabled) return
  if (doc.security_groups.length > 0)
    throw refuse(
      'PortSecurityAndIPRequiredForSecurityGroups',
      'Port security must be enabled and port must have an IP address in order to use security groups.',
    )
  if (doc.allowed_address_pairs.length > 0)
    throw refuse(
      'AddressPairAndPortSecurityRequired',
      'Port Security must be enabled in order to have allowed address pairs on a port.',
    )
}

export const pairs = (sent: unknown, mac_address: string): AddressPair[] =>
  ((sent ?? []) as Partial<AddressPair>[]).map((pair) => ({ ip_address: '', mac_address, ...pair }))

const MAC_ATTEMPTS = 16

export async function claimMac(
  work: Work,
  networkId: string,
  portId: string,
  asked: string | undefined,
): Promise<string> {
  for (let attempt = 0; attempt < MAC_ATTEMPTS; attempt++) {
    const tail = work.ids.uuid().slice(0, 6)
    const candidate = asked ?? `fa:16:3e:${tail.slice(0, 2)}:${tail.slice(2, 4)}:${tail.slice(4)}`
    if (await claim(work.db, `mac:${networkId}`, candidate, portId)) return candidate
    if (asked !== undefined)
      throw refuse(
        'MacAddressInUse',
        `Unable to complete operation for network ${networkId}. The mac address ${asked} is in use.`,
      )
  }
  throw refuse('MacAddressGenerationFailure', 'Unable to generate unique mac for network.')
}

export async function groupsFor(
  work: Work,
  input: Input,
  projectId: string,
  wantsDefault: boolean,
  portId: string,
): Promise<string[]> {
  const asked = input['security_groups'] as string[] | null | undefined
  const byDefault = !asked && wantsDefault ? [await ensureDefaultGroup(work, projectId)] : []
  const groups = asked ?? byDefault.map(({ id }) => id)
  const known = asked ? await listDocs(work.db, 'security_group', { ids: groups }) : byDefault
  for (const id of groups) {
    const group = known.find((one) => one.id === id)
    if (!group || !(isOwner(work.caller, group) || group.project_id === projectId))
      throw missing(securityGroup, id)
    await claim(work.db, groupUse(id), portId, portId)
  }
  return groups
}
