/** Subnets: their addresses, pools and gateway. */
import {
  cidrHas,
  type Cidr,
  cidrsOverlap,
  formatCidr,
  formatIp,
  parseCidr,
  parseIp,
  usableRange,
} from '../addresses.ts'
import {
  choice,
  cidr,
  flag,
  type Input,
  integer,
  ipAddress,
  listOf,
  orNull,
  shape,
  standardAttributes,
  uuid,
  textIn,
} from '../attributes.ts'
import { refusedBy } from '../caller.ts'
import type { AllocationPool, OwnFields, PortDoc, SubnetDoc } from '../documents.ts'
import { change, invalidInput, isOwner, type Kind, missing, newDocument, refuse, type Work } from '../kind.ts'
import { findDoc, insertDoc, listDocs, removeDoc } from '../store.ts'
import { network } from './network.ts'
import { removePort } from './port-removal.ts'

const IPV6_MODES = choice('slaac', 'dhcpv6-stateful', 'dhcpv6-stateless')

export const subnet: Kind<'subnet'> = {
  kind: 'subnet',
  singular: 'subnet',
  plural: 'subnets',
  path: 'subnets',
  missing: (id) => ({ type: 'SubnetNotFound', message: `Subnet ${id} could not be found.` }),
  searchable: { network_id: 'parentIds' },
  attributes: {
    ...standardAttributes,
    network_id: { check: uuid, update: false },
    ip_version: { check: integer(4, 6), default: 4, update: false },
    cidr: { check: cidr, update: false },
    gateway_ip: { check: orNull(ipAddress), default: undefined },
    enable_dhcp: { check: flag, default: true },
    allocation_pools: { check: listOf(shape({ start: ipAddress, end: ipAddress })), default: undefined },
    dns_nameservers: { check: listOf(ipAddress, 5), default: [] },
    host_routes: { check: listOf(shape({ destination: cidr, nexthop: ipAddress }), 20), default: [] },
    ipv6_ra_mode: { check: orNull(IPV6_MODES), default: null },
    ipv6_address_mode: { check: orNull(IPV6_MODES), default: null, update: false },
  },
  async create(work, input) {
    const parent = await findDoc(work.db, 'network', textIn(input, 'network_id'))
    if (!parent || !isOwner(work.caller, parent)) throw missing(network, textIn(input, 'network_id'))
    const range = rangeOf(input)
    const base = newDocument(work, { ...input, project_id: undefined })
    const gateway = 'gateway_ip' in input ? (input['gateway_ip'] as string | null) : firstAddress(range)
    const pools = (input['allocation_pools'] as AllocationPool[] | undefined) ?? poolsAround(range, gateway)
    checkGateway(range, gateway, pools)
    checkPools(range, pools)
    checkModes(input)
    const { project_id: _project, name: _name, description: _description, ...settings } = input
    const doc: SubnetDoc = {
      ...base,
      project_id: parent.project_id,
      ...(settings as unknown as OwnFields<SubnetDoc>),
      gateway_ip: gateway,
      allocation_pools: pools,
    }
    await work.checkQuota('subnet', doc.project_id)
    await refuseOverlap(work, doc, range)
    await insertDoc(work.db, 'subnet', doc)
    return doc
  },
  async update(work, current, changes) {
    if (!isOwner(work.caller, current)) throw refusedBy('update_subnet')
    const range = rangeOf({ cidr: current.cidr, ip_version: current.ip_version })
    const gateway = 'gateway_ip' in changes ? (changes['gateway_ip'] as string | null) : current.gateway_ip
    const pools = (changes['allocation_pools'] as AllocationPool[] | undefined) ?? current.allocation_pools
    checkGateway(range, gateway, pools)
    checkPools(range, pools)
    if (gateway !== current.gateway_ip) await refuseGatewayInUse(work, current)
    return change(work, 'subnet', current, changes as Partial<SubnetDoc>)
  },
  async remove(work, current) {
    if (!isOwner(work.caller, current)) throw refusedBy('delete_subnet')
    const ports = await portsOn(work, current)
    if (ports.some((port) => port.device_owner !== 'network:dhcp'))
      throw refuse(
        'SubnetInUse',
        `Unable to complete operation on subnet ${current.id}: One or more ports have an IP allocation from this subnet.`,
      )
    // The DHCP server's port is made again for what subnets remain when the next port is bound.
    for (const port of ports) await removePort(work.db, port)
    await removeDoc(work.db, current.id)
  },
  view: async (_db, docs) =>
    docs.map((doc) => ({
      ...doc,
      subnetpool_id: null,
      service_types: [],
      segment_id: null,
    })),
}

const portsOn = async (work: Work, doc: SubnetDoc): Promise<PortDoc[]> =>
  (await listDocs(work.db, 'port', { parentIds: [doc.network_id] })).filter((port) =>
    port.fixed_ips.some((ip) => ip.subnet_id === doc.id),
  )

function rangeOf(input: Input): Cidr {
  const range = parseCidr(String(input['cidr']))
  if (!range || range.version !== input['ip_version'])
    throw invalidInput(
      `Invalid input for operation: cidr ${String(input['cidr'])} does not match ip_version ${String(input['ip_version'])}.`,
    )
  if (range.version === 4 && (range.prefix === 0 || range.first >> 28n === 14n))
    throw invalidInput(`Invalid input for operation: ${formatCidr(range)} is no subnet that hosts can have.`)
  return range
}

const firstAddress = (range: Cidr): string =>
  formatIp({ version: range.version, value: usableRange(range).first })

/** All usable addresses but the gateway's. */
function poolsAround(range: Cidr, gateway: string | null): AllocationPool[] {
  const { first, last } = usableRange(range)
  const at = gateway === null ? undefined : parseIp(gateway)?.value
  const ranges: [bigint, bigint][] =
    at === undefined || at < first || at > last
      ? [[first, last]]
      : [
          [first, at - 1n],
          [at + 1n, last],
        ]
  return ranges
    .filter(([start, end]) => start <= end)
    .map(([start, end]) => ({
      start: formatIp({ version: range.version, value: start }),
      end: formatIp({ version: range.version, value: end }),
    }))
}

function checkGateway(range: Cidr, gateway: string | null, pools: readonly AllocationPool[]): void {
  if (gateway === null) return
  const ip = parseIp(gateway)
  if (!ip || ip.version !== range.version)
    throw invalidInput(
      `Invalid input for operation: gateway_ip '${gateway}' does not match the ip_version '${range.version}'.`,
    )
  const { first, last } = usableRange(range)
  if (cidrHas(range, ip) && (ip.value < first || ip.value > last))
    throw invalidInput('Invalid input for operation: Gateway is not valid on subnet.')
  const pool = pools.find(({ start, end }) => ip.value >= valueOf(start) && ip.value <= valueOf(end))
  if (pool)
    throw refuse(
      'GatewayConflictWithAllocationPools',
      `Gateway ip ${gateway} conflicts with allocation pool ${pool.start}-${pool.end}.`,
    )
}

const valueOf = (address: string): bigint => parseIp(address)?.value ?? 0n

function checkPools(range: Cidr, pools: readonly AllocationPool[]): void {
  const { first, last } = usableRange(range)
  pools.forEach((pool, i) => {
    const shown = `${pool.start}-${pool.end}`
    const start = parseIp(pool.start)
    const end = parseIp(pool.end)
    if (
      !start ||
      !end ||
      start.version !== range.version ||
      end.version !== range.version ||
      start.value > end.value
    )
      throw invalidInput(`The allocation pool ${shown} is not valid.`, 'InvalidAllocationPool')
    if (start.value < first || end.value > last)
      throw invalidInput(
        `The allocation pool ${shown} spans beyond the subnet cidr ${formatCidr(range)}.`,
        'OutOfBoundsAllocationPool',
      )
    const other = pools
      .slice(0, i)
      .find((one) => start.value <= valueOf(one.end) && valueOf(one.start) <= end.value)
    if (other)
      throw refuse(
        'OverlappingAllocationPools',
        `Found overlapping allocation pools: ${other.start}-${other.end}, ${shown} for subnet ${formatCidr(range)}.`,
      )
  })
}

function checkModes(input: Input): void {
  const modes = [input['ipv6_ra_mode'], input['ipv6_address_mode']]
  if (input['ip_version'] === 4 && modes.some((mode) => mode !== null))
    throw invalidInput(
      'Invalid input for operation: ipv6_ra_mode or ipv6_address_mode cannot be set when ip_version is 4.',
    )
}

async function refuseOverlap(work: Work, doc: SubnetDoc, range: Cidr): Promise<void> {
  for (const other of await listDocs(work.db, 'subnet', { parentIds: [doc.network_id] })) {
    const taken = parseCidr(other.cidr)
    if (taken && cidrsOverlap(range, taken))
      throw invalidInput(
        `Invalid input for operation: Requested subnet with cidr: ${doc.cidr} for network: ${doc.network_id} overlaps with another subnet.`,
      )
  }
}

async function refuseGatewayInUse(work: Work, current: SubnetDoc): Promise<void> {
  const holder = (await portsOn(work, current)).find((port) =>
    port.fixed_ips.some((ip) => ip.ip_address === current.gateway_ip),
  )
  if (holder)
    throw refuse(
      'GatewayIpInUse',
      `Current gateway ip ${current.gateway_ip ?? ''} already in use by port ${holder.id}. Unable to update.`,
    )
}
