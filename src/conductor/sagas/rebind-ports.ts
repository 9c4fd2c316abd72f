/** An instance's interfaces move along to another host: the same ports, bound there. */
import { getInstance } from '#db/instances.ts'
import type { Instance } from '#model/instance/index.ts'
import type { Vif } from '#model/network/index.ts'
import type { Ctx } from '../world.ts'

/** What is known of each interface as it is on that host. Whose a port is, and its tag, Neutron does not know. */
export async function rebindPorts(
  { world, subject }: Ctx<unknown, object>,
  host: string,
  availabilityZone: string,
): Promise<readonly Vif[]> {
  const { projectId, hostname, networkInfo } = await getInstance(world.db, subject)
  if (networkInfo.length === 0) return []
  const owner = { instanceUuid: subject, projectId, host, availabilityZone, hostname }
  const bound = await world.networks.allocate(owner, networkInfo.map(requestOf))
  return bound.map((vif) => {
    const known = networkInfo.find(({ id }) => id === vif.id)
    return known ? { ...vif, preexisting: known.preexisting, tag: known.tag } : vif
  })
}

const requestOf = ({ id, network, tag }: Instance['networkInfo'][number]) => ({
  networkId: network.id,
  portId: id,
  fixedIp: null,
  securityGroupIds: [],
  tag,
})
