/** Which addresses a port gets. Every address is a claim on its subnet, so two ports never share one. */
import {
  cidrHas,
  type Cidr,
  eui64,
  formatIp,
  type Ip,
  ipKey,
  ipOfKey,
  parseCidr,
  parseIp,
  usableRange,
} from '../addresses.ts'
import type { FixedIpDoc, NetworkDoc, SubnetDoc } from '../documents.ts'
import { invalidInput, refuse, type Work } from '../kind.ts'
import { claim, claimedBetween, listDocs, unclaim } from '../store.ts'

/** What a caller asks for: a subnet, an address, or both. */
export interface FixedIpRequest {
  readonly subnet_id?: string
  readonly ip_address?: string
}

interface PortIdentity {
  readonly id: string
  readonly mac_address: string
}

const scopeOf = (subnetId: string) => `ip:${subnetId}`

/**
 * Claims addresses for a port: the ones asked for, or (`undefined`) one of each IP version the network has.
 * Throws 400 for an address that fits no subnet, 409 for one in use or when none is left.
 */
export async function claimFixedIps(
  work: Work,
  network: Pick<NetworkDoc, 'id'>,
  port: PortIdentity,
  requests: readonly FixedIpRequest[] | undefined,
): Promise<FixedIpDoc[]> {
  const subnets = await listDocs(work.db, 'subnet', { parentIds: [network.id] })
  if (requests === undefined) return claimDefaults(work, network, port, subnets)
  const claimed: FixedIpDoc[] = []
  for (const request of requests) {
    const subnet = subnetFor(request, subnets, network)
    const asked = request.ip_address
    if (asked === undefined) claimed.push(await claimNext(work, network, port, [subnet]))
    else claimed.push(await claimExactly(work, subnet, asked, port))
  }
  return claimed
}

export async function unclaimFixedIps(work: Work, portId: string, ips: readonly FixedIpDoc[]): Promise<void> {
  for (const { subnet_id, ip_address } of ips) {
    const ip = parseIp(ip_address)
    if (ip) await unclaim(work.db, scopeOf(subnet_id), ipKey(ip), portId)
  }
}

function subnetFor(
  request: FixedIpRequest,
  subnets: readonly SubnetDoc[],
  network: Pick<NetworkDoc, 'id'>,
): SubnetDoc {
  const { subnet_id, ip_address } = request
  if (subnet_id !== undefined) {
    const subnet = subnets.find((one) => one.id === subnet_id)
    if (!subnet)
      throw invalidInput(
        `Invalid input for operation: Failed to create port on network ${network.id}, because fixed_ips included invalid subnet ${subnet_id}.`,
      )
    return subnet
  }
  const ip = ip_address === undefined ? undefined : parseIp(ip_address)
  const subnet = ip && subnets.find((one) => cidrHas(rangeOf(one), ip))
  if (!subnet)
    throw invalidInput(
      `IP address ${ip_address ?? ''} is not a valid IP for any of the subnets on the specified network.`,
      'InvalidIpForNetwork',
    )
  return subnet
}

function rangeOf(subnet: SubnetDoc): Cidr {
  const range = parseCidr(subnet.cidr)
  if (!range) throw new Error(`subnet ${subnet.id} has no range: ${subnet.cidr}`)
  return range
}

async function claimExactly(
  work: Work,
  subnet: SubnetDoc,
  address: string,
  port: PortIdentity,
): Promise<FixedIpDoc> {
  const ip = parseIp(address)
  const range = rangeOf(subnet)
  const { first, last } = usableRange(range)
  if (!ip || !cidrHas(range, ip) || ip.value < first || ip.value > last)
    throw invalidInput(
      `IP address ${address} is not a valid IP for the specified subnet.`,
      'InvalidIpForSubnet',
    )
  if (!(await claim(work.db, scopeOf(subnet.id), ipKey(ip), port.id)))
    throw refuse(
      'IpAddressAlreadyAllocated',
      `IP address ${formatIp(ip)} already allocated in subnet ${subnet.id}`,
    )
  return { subnet_id: subnet.id, ip_address: formatIp(ip) }
}

const AUTOMATIC = new Set<string | null>(['slaac', 'dhcpv6-stateless'])

async function claimDefaults(
  work: Work,
  network: Pick<NetworkDoc, 'id'>,
  port: PortIdentity,
  subnets: readonly SubnetDoc[],
): Promise<FixedIpDoc[]> {
  const claimed: FixedIpDoc[] = []
  const automatic = subnets.filter((one) => AUTOMATIC.has(one.ipv6_address_mode))
  for (const version of [4, 6]) {
    const eligible = subnets.filter((one) => one.ip_version === version && !automatic.includes(one))
    if (eligible.length > 0) claimed.push(await claimNext(work, network, port, eligible))
  }
  for (const subnet of automatic)
    claimed.push(await claimExactly(work, subnet, formatIp(eui64(rangeOf(subnet), port.mac_address)), port))
  return claimed
}

/** The next free address of the first of `subnets` that has one. */
async function claimNext(
  work: Work,
  network: Pick<NetworkDoc, 'id'>,
  port: PortIdentity,
  subnets: readonly SubnetDoc[],
): Promise<FixedIpDoc> {
  for (const subnet of subnets) {
    const ip = await claimFromPools(work, subnet, port)
    if (ip) return { subnet_id: subnet.id, ip_address: formatIp(ip) }
  }
  throw refuse('IpAddressGenerationFailure', `No more IP addresses available on network ${network.id}.`)
}

async function claimFromPools(work: Work, subnet: SubnetDoc, port: PortIdentity): Promise<Ip | undefined> {
  const version = subnet.ip_version
  const after = work.addressCursors.get(subnet.id) ?? -1n
  const pools = subnet.allocation_pools.map(({ start, end }) => ({
    first: parseIp(start)?.value ?? 1n,
    last: parseIp(end)?.value ?? 0n,
  }))
  // From the cursor to the end, then from the start to the cursor: an address rests as long as possible.
  const stretches = [
    ...pools.map(({ first, last }) => ({ first: first > after ? first : after + 1n, last })),
    ...pools.map(({ first, last }) => ({ first, last: last < after ? last : after })),
  ]
  for (const { first, last } of stretches) {
    for (
      let value = await freeFrom(work, subnet, first, last);
      value !== undefined;
      value = await freeFrom(work, subnet, value + 1n, last)
    ) {
      const ip: Ip = { version, value }
      if (!(await claim(work.db, scopeOf(subnet.id), ipKey(ip), port.id))) continue
      work.addressCursors.set(subnet.id, value)
      return ip
    }
  }
  return undefined
}

const WINDOW = 256n

/** The lowest address from `first` to `last` that nobody holds. */
async function freeFrom(
  work: Work,
  subnet: SubnetDoc,
  first: bigint,
  last: bigint,
): Promise<bigint | undefined> {
  const key = (value: bigint) => ipKey({ version: subnet.ip_version, value })
  for (let start = first; start <= last; start += WINDOW) {
    const end = start + WINDOW - 1n < last ? start + WINDOW - 1n : last
    const taken = new Set(await claimedBetween(work.db, scopeOf(subnet.id), key(start), key(end)))
    for (let value = start; value <= end; value++) if (!taken.has(key(value))) return value
  }
  return undefined
}

/** The addresses of a subnet that are in use. */
export const usedAddresses = async (work: Pick<Work, 'db'>, subnet: SubnetDoc): Promise<string[]> => {
  const range = rangeOf(subnet)
  const keys = await claimedBetween(
    work.db,
    scopeOf(subnet.id),
    ipKey({ version: range.version, value: range.first }),
    ipKey({ version: range.version, value: range.last }),
  )
  return keys.map((key) => formatIp(ipOfKey(key)))
}
