/** The networks a cloud begins with: `public` that leads out, `private` of one project, a router between them. */
import { cidrsOverlap, parseCidr } from './addresses.ts'
import { readInput } from './attributes.ts'
import type { NeutronCaller } from './caller.ts'
import type { Work } from './kind.ts'
import { network } from './kinds/network.ts'
import { addInterface, router } from './kinds/router.ts'
import { subnet } from './kinds/subnet.ts'
import type { NetworkPlane } from './plane/port.ts'
import { claim, type NeutronDb, ownerOf } from './store.ts'

export interface ProvisionInput {
  readonly adminProjectId: string
  /** Whose `private` network and router it is. */
  readonly demoProjectId: string
}

export interface Provisioned {
  readonly publicNetworkId: string
  readonly privateNetworkId: string
}

type Write = <T>(caller: NeutronCaller, work: (work: Work) => Promise<T>) => Promise<T>

/** The ranges tried in turn, until one is free on this machine. */
const PUBLIC_RANGES = [
  '172.24.4.0/24',
  '172.24.5.0/24',
  '172.24.6.0/24',
  '172.24.7.0/24',
  '172.24.8.0/24',
  '198.18.4.0/24',
  '198.18.5.0/24',
]
const PRIVATE_RANGES = [
  '10.0.0.0/24',
  '10.254.0.0/24',
  '192.168.233.0/24',
  '172.30.233.0/24',
  '10.253.0.0/24',
  '192.168.234.0/24',
]

/** Made once per cloud: the claim is written in the transaction that makes everything. */
const SCOPE = 'provisioned'

export async function provision(
  write: Write,
  plane: Pick<NetworkPlane, 'rangesInUse'>,
  input: ProvisionInput,
): Promise<Provisioned> {
  const inUse = await plane.rangesInUse()
  const admin: NeutronCaller = { projectId: input.adminProjectId, isAdmin: true, mayWrite: true }
  return write(admin, async (work) => (await existing(work)) ?? (await make(work, input, inUse)))
}

async function existing(work: Work): Promise<Provisioned | undefined> {
  const publicNetworkId = await ownerOf(work.db, SCOPE, 'public')
  const privateNetworkId = await ownerOf(work.db, SCOPE, 'private')
  return publicNetworkId === undefined || privateNetworkId === undefined
    ? undefined
    : { publicNetworkId, privateNetworkId }
}

/** The network that `provision` made for the first project. */
export const firstProjectNetwork = (db: NeutronDb): Promise<string | undefined> =>
  ownerOf(db, SCOPE, 'private')

async function make(work: Work, input: ProvisionInput, inUse: readonly string[]): Promise<Provisioned> {
  const outer = await makeNetwork(work, { name: 'public', 'router:external': true, is_default: true })
  await makeSubnet(work, outer, 'public-subnet', firstFree(PUBLIC_RANGES, inUse), false)
  const inner = await makeNetwork(work, { name: 'private', project_id: input.demoProjectId })
  const innerSubnet = await makeSubnet(work, inner, 'private-subnet', firstFree(PRIVATE_RANGES, inUse), true)
  const made = await router.create(
    work,
    readInput(
      router.attributes,
      { name: 'router1', project_id: input.demoProjectId, external_gateway_info: { network_id: outer } },
      'create',
    ),
  )
  await addInterface(work, made.id, { subnet_id: innerSubnet })
  // The claims outlive the networks: who removes them does not want them back at the next start.
  await claim(work.db, SCOPE, 'public', outer)
  await claim(work.db, SCOPE, 'private', inner)
  return { publicNetworkId: outer, privateNetworkId: inner }
}

async function makeNetwork(work: Work, attributes: Record<string, unknown>): Promise<string> {
  return (await network.create(work, readInput(network.attributes, attributes, 'create'))).id
}

async function makeSubnet(
  work: Work,
  networkId: string,
  name: string,
  cidr: string,
  enable_dhcp: boolean,
): Promise<string> {
  const attributes = { name, network_id: networkId, cidr, ip_version: 4, enable_dhcp }
  const made = await subnet.create(work, readInput(subnet.attributes, attributes, 'create'))
  return made.id
}

function firstFree(ranges: readonly string[], inUse: readonly string[]): string {
  const taken = inUse.flatMap((range) => parseCidr(range) ?? [])
  const isFree = (range: string) => {
    const cidr = parseCidr(range)
    return cidr !== undefined && !taken.some((other) => cidrsOverlap(cidr, other))
  }
  return ranges.find(isFree) ?? ranges[0] ?? ''
}
