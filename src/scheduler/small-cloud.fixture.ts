/** Clouds for tests of the scheduler: nodes, services, zones, and a Placement that is a few sums. */
import type { RequestSpec } from '#contracts/scheduler.ts'
import { silentLog } from '#lib/log.ts'
import type { Aggregate, ComputeNode, Service } from '#model/host/index.ts'
import type { AllocationRequest, CandidateQuery } from '#neighbours/placement/port.ts'
import { createChoices } from './choices.ts'
import { defaultSchedulerConfig, type SchedulerConfig } from './config.ts'
import { filtersOf } from './filters/index.ts'
import { selectHosts, type Selector } from './select-hosts.ts'
import { type Loads, snapshotOf, withComing } from './snapshot.ts'
import { weighersOf } from './weighers/index.ts'

export const NOW = 1_000_000_000

export const nodeOf = (host: string, changes: Partial<ComputeNode> = {}): ComputeNode => ({
  id: 1,
  uuid: `uuid-${host}`,
  host,
  hypervisorHostname: `${host}.example.org`,
  hypervisorType: 'QEMU',
  hypervisorVersion: 7_002_000,
  hostIp: '127.0.0.1',
  vcpus: 8,
  vcpusUsed: 0,
  memoryMb: 16_384,
  memoryMbUsed: 0,
  localGb: 100,
  localGbUsed: 0,
  diskAvailableLeast: null,
  runningVms: 0,
  cpuInfo: { arch: 'x86_64', topology: { cores: 4 } },
  supportedInstances: [['x86_64', 'qemu', 'hvm']],
  uptimeSeconds: null,
  cpuAllocationRatio: 4,
  ramAllocationRatio: 1,
  diskAllocationRatio: 1,
  traits: [],
  createdAt: 0,
  updatedAt: null,
  ...changes,
})

export const serviceOf = (host: string, changes: Partial<Service> = {}): Service => ({
  id: 1,
  uuid: `service-${host}`,
  binary: 'nova-compute',
  host,
  topic: 'compute',
  disabled: false,
  disabledReason: null,
  forcedDown: false,
  lastSeenUp: NOW - 1_000,
  version: 70,
  createdAt: 0,
  updatedAt: null,
  ...changes,
})

export const zoneOf = (
  name: string,
  hosts: readonly string[],
  metadata: Record<string, string> = {},
): Aggregate => ({
  id: 1,
  uuid: `aggregate-${name}`,
  name,
  hosts,
  metadata: { availability_zone: name, ...metadata },
  createdAt: 0,
  updatedAt: null,
})

export const specOf = (
  changes: Partial<RequestSpec> = {},
  flavor: Partial<RequestSpec['flavor']> = {},
): RequestSpec => ({
  flavor: { vcpus: 1, memoryMb: 512, rootGb: 1, ephemeralGb: 0, swapMb: 0, extraSpecs: {}, ...flavor },
  imageProperties: {},
  isVolumeBacked: false,
  projectId: 'project',
  availabilityZone: null,
  forceHost: null,
  forceNode: null,
  ignoreHosts: [],
  schedulerHints: {},
  ...changes,
})

type Used = Record<string, Record<string, number>>

export interface CloudOptions {
  readonly nodes: readonly ComputeNode[]
  readonly services?: readonly Service[]
  readonly aggregates?: readonly Aggregate[]
  readonly config?: Partial<SchedulerConfig>
  readonly used?: Used
  readonly loads?: Loads
  /** What is noted of servers on hosts. */
  readonly notes?: readonly { readonly host: string; readonly notes: Readonly<Record<string, string>> }[]
  /** The hosts of servers. */
  readonly places?: Readonly<Record<string, string>>
  /** Says of a claim that somebody was faster. */
  readonly races?: (host: string) => boolean
  /** Placement was told of no aggregate's hosts. */
  readonly isUntold?: boolean
  /** Placement refuses claims of several in one request. */
  readonly onlyAlone?: boolean
}

/** A cloud whose Placement is a few sums, and which remembers what it was asked and what was claimed. */
export function cloudOf(options: CloudOptions) {
  const { nodes, services = nodes.map(({ host }) => serviceOf(host)), aggregates = [] } = options
  const config = { ...defaultSchedulerConfig, ...options.config }
  const used: Used = options.used ?? {}
  const asked: CandidateQuery[] = []
  /** Which servers' hosts were asked for. */
  const named: (readonly string[])[] = []
  const claimed: [string, AllocationRequest][] = []
  /** How many were claimed in one request, each time that several were. */
  const together: number[] = []
  const capacityOf = (node: ComputeNode): Record<string, number> => ({
    VCPU: node.vcpus * node.cpuAllocationRatio,
    MEMORY_MB: node.memoryMb,
    DISK_GB: node.localGb,
  })
  const isMember = (node: ComputeNode, uuids: readonly string[]) =>
    !options.isUntold &&
    aggregates.some(({ uuid, hosts }) => uuids.includes(uuid) && hosts.includes(node.host))
  const fits = (node: ComputeNode, query: CandidateQuery) =>
    (query.inTree === undefined || query.inTree === node.uuid) &&
    query.memberOf.every((anyOf) => isMember(node, anyOf)) &&
    !isMember(node, query.notMemberOf ?? []) &&
    query.requiredTraits.every((trait) => node.traits.includes(trait)) &&
    !query.forbiddenTraits.some((trait) => node.traits.includes(trait)) &&
    Object.entries(query.resources).every(
      ([name, amount]) => (used[node.uuid]?.[name] ?? 0) + amount <= (capacityOf(node)[name] ?? 0),
    )
  const claimOne = (instanceUuid: string, allocations: AllocationRequest): boolean => {
    const [uuid = ''] = Object.keys(allocations)
    if (options.races?.(uuid.replace('uuid-', ''))) return false
    const sums = (used[uuid] ??= {})
    for (const [name, amount] of Object.entries(allocations[uuid]?.resources ?? {}))
      sums[name] = (sums[name] ?? 0) + amount
    claimed.push([instanceUuid, allocations])
    return true
  }
  const choices = createChoices({ now: () => NOW }, async () => new Map(Object.entries(options.places ?? {})))
  const look = async () => {
    const { servers = new Map(), ioOps = new Map() } = options.loads ?? {}
    const loads = withComing({ servers, ioOps }, await choices.underWay())
    return snapshotOf(nodes, services, aggregates, config.defaultAvailabilityZone, loads)
  }
  const { filters } = filtersOf(config.enabledFilters, config.availableFilters)
  const selector: Selector = {
    placement: {
      async candidates(query) {
        asked.push(query)
        const able = nodes.filter((node) => fits(node, query))
        return {
          candidates: able.map((node) => ({ allocations: { [node.uuid]: { resources: query.resources } } })),
          providers: Object.fromEntries(
            able.map((node) => {
              const resources = Object.entries(capacityOf(node)).map(([name, capacity]) => [
                name,
                { capacity, used: used[node.uuid]?.[name] ?? 0 },
              ])
              return [
                node.uuid,
                { resources: Object.fromEntries(resources), traits: node.traits, rootUuid: node.uuid },
              ]
            }),
          ),
        }
      },
      claim: async ({ instanceUuid }, allocations) => claimOne(instanceUuid, allocations),
      async claimAll(claims) {
        together.push(claims.length)
        if (options.onlyAlone) return false
        return claims.every(({ consumer, allocations }) => claimOne(consumer.instanceUuid, allocations))
      },
    },
    snapshots: {
      take: look,
      refresh: look,
    },
    filters,
    weighers: weighersOf(config.weightClasses).weighers,
    notesOn: async (hosts) => (options.notes ?? []).filter(({ host }) => hosts.includes(host)),
    ...(filters.some(({ counts }) => counts) && { chose: choices.chose }),
    async hostsOf(uuids) {
      named.push(uuids)
      const known = Object.entries(options.places ?? {})
      return new Map(known.filter(([uuid]) => uuids.includes(uuid)))
    },
    config,
    random: () => 0,
    now: () => NOW,
    log: silentLog,
  }
  const select = (spec: RequestSpec, instanceUuids: readonly string[] = ['i1']) =>
    selectHosts(selector, {
      context: { requestId: 'req-1', userId: 'user', projectId: 'project', roles: [] },
      spec,
      instanceUuids,
    })
  return { select, selector, asked, claimed, together, named }
}
