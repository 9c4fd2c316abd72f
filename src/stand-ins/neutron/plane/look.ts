/** One look: what should be, what is, and the commands between. Remembers what it did, to do less next time. */
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import type { Log } from '#lib/log.ts'
import type { Commands } from './commands.ts'
import type { ForeignFirewall } from './foreign-firewall.ts'
import { guestRuleset } from './guest-rules.ts'
import type { HostSide } from './host-side.ts'
import { type Names, tapName } from './names.ts'
import { type Plan, planOf } from './plan.ts'
import type { PlaneState } from './port.ts'
import type { Servers } from './servers.ts'
import { applySpace } from './spaces.ts'

export interface LookDeps {
  readonly commands: Commands
  readonly names: Names
  readonly servers: Servers
  readonly hostSide: HostSide
  readonly firewall: ForeignFirewall
  readonly log: Log
}

/** What earlier looks did. */
interface Memory {
  /** A number for each guest's port. */
  readonly numbers: Map<string, number>
  /** Each namespace as it was made, as JSON. */
  readonly spaces: Map<string, string>
  rules: string
  uplinks: readonly string[]
  /** The bridges and host legs as they were made, as JSON. */
  ground: string
}

/** What is there. */
interface Seen {
  readonly links: readonly SeenLink[]
  readonly names: ReadonlySet<string>
  readonly spaces: ReadonlySet<string>
}

interface SeenLink {
  readonly ifname: string
  readonly master?: string
}

type Failures = Map<string, unknown>

/**
 * Makes the look. A thorough one also checks what only somebody else can have changed: nft's tables, the
 * host's addresses and routes. It yields what failed by network, and throws when nothing can be done.
 */
export function createLook(deps: LookDeps): (state: PlaneState, isThorough: boolean) => Promise<Failures> {
  const memory: Memory = { numbers: new Map(), spaces: new Map(), rules: '', uplinks: [], ground: '' }
  return async (state, isThorough) => {
    const seen = await see(deps)
    const { names } = deps
    const upNetworkIds = new Set(
      state.networks
        .filter((network) => seen.names.has(names.bridge(network.id)))
        .map((network) => network.id),
    )
    const plan = planOf({ state, names, upNetworkIds })
    const isEmpty = plan.bridges.length === 0 && seen.spaces.size === 0
    if (isEmpty && !seen.links.some((link) => link.ifname.startsWith(names.prefix))) return new Map()
    await deps.servers.retain(plan.dhcp)
    await removeSurplus(deps, memory, plan, seen)
    const failures: Failures = new Map()
    await applyGround(deps, memory, { plan, seen, isThorough, failures })
    await applyRules(deps, memory, { plan, state, seen, isThorough })
    const failedSpaces = await applySpaces(deps, memory, plan, seen, failures)
    const isReady = ({ space }: { readonly space: string }) => !failedSpaces.has(space)
    const late = await deps.servers.apply(plan.dhcp.filter(isReady), plan.doors.filter(isReady))
    for (const [networkId, error] of late) fail(deps, failures, [networkId], error)
    return failures
  }
}

function fail({ log }: LookDeps, failures: Failures, networkIds: readonly string[], error: unknown): void {
  log.error({ err: error, networks: networkIds }, 'a network could not be brought up')
  for (const networkId of networkIds) failures.set(networkId, error)
}

const SPACES_DIR = '/run/netns'

export async function spacesOf(prefix: string): Promise<Set<string>> {
  const all = await readdir(SPACES_DIR).catch(() => [])
  return new Set(all.filter((name) => name.startsWith(`${prefix}-`)))
}

export const linksOf = async (commands: Commands): Promise<SeenLink[]> =>
  (await commands.ipJson(['link', 'show'])) as SeenLink[]

async function see({ commands, names }: LookDeps): Promise<Seen> {
  const [links, spaces] = await Promise.all([linksOf(commands), spacesOf(names.prefix)])
  return { links, spaces, names: new Set(links.map((link) => link.ifname)) }
}

async function removeSurplus(
  { commands, names }: LookDeps,
  memory: Memory,
  plan: Plan,
  seen: Seen,
): Promise<void> {
  const wanted = new Set([
    ...plan.bridges.map((bridge) => bridge.name),
    ...plan.spaces.flatMap((space) => space.legs.map((leg) => leg.root)),
    ...plan.hostLegs.flatMap((leg) => [leg.name, leg.peer]),
  ])
  const surplus = [...seen.names].filter((name) => name.startsWith(names.prefix) && !wanted.has(name))
  await commands.ip(
    surplus.filter((name) => !name.startsWith(`${names.prefix}y`)).map((name) => `link del ${name}`),
  )
  const planned = new Set(plan.spaces.map((space) => space.name))
  const gone = [...seen.spaces].filter((name) => !planned.has(name))
  for (const name of gone) memory.spaces.delete(name)
  await commands.ip(gone.map((name) => `netns del ${name}`))
}

interface GroundInput {
  readonly plan: Plan
  readonly seen: Seen
  readonly isThorough: boolean
  readonly failures: Failures
}

/** Bridges, and this machine's own legs in them: without the latter guests still have their networks. */
async function applyGround(deps: LookDeps, memory: Memory, input: GroundInput): Promise<void> {
  const { plan, seen } = input
  const ground = JSON.stringify([plan.bridges, plan.hostLegs])
  const isWhole = [...plan.bridges, ...plan.hostLegs].every(({ name }) => seen.names.has(name))
  if (isWhole && !input.isThorough && ground === memory.ground) return
  memory.ground = ''
  await deps.firewall.open()
  await deps.commands.ip(bridgeCommands(plan, seen.names))
  try {
    memory.uplinks = plan.hostLegs.length > 0 ? await deps.hostSide.openUplinks() : []
    await deps.hostSide.apply(plan.hostLegs, seen.names)
    memory.ground = ground
  } catch (error) {
    fail(
      deps,
      input.failures,
      plan.hostLegs.map((leg) => leg.networkId),
      error,
    )
  }
}

const bridgeCommands = (plan: Plan, have: ReadonlySet<string>): string[] =>
  plan.bridges.flatMap(({ name, mtu }) => [
    ...(have.has(name)
      ? []
      : [
          `link add ${name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0 nf_call_iptables 1 nf_call_ip6tables 1`,
        ]),
    `link set ${name} addrgenmode none mtu ${mtu} up`,
  ])

interface RulesInput {
  readonly plan: Plan
  readonly state: PlaneState
  readonly seen: Seen
  readonly isThorough: boolean
}

async function applyRules({ commands, names }: LookDeps, memory: Memory, input: RulesInput): Promise<void> {
  const { plan, state, seen } = input
  numberPorts(memory.numbers, plan)
  const strays = straysOf(names, plan, seen)
  const ruleset = guestRuleset({
    table: names.table,
    prefix: names.prefix,
    bridges: zonesOf(plan),
    ports: plan.guestPorts.flatMap((port) => {
      const number = memory.numbers.get(port.id)
      return number === undefined || strays.has(tapName(port.id)) ? [] : [{ port, number }]
    }),
    strays: [...strays],
    rules: state.rules,
    members: state.ports,
    hiddenRanges: plan.hostLegs.flatMap((leg) => leg.ranges),
    guardedUplinks: memory.uplinks,
  })
  if (ruleset === memory.rules && (!input.isThorough || (await hasTables(commands, names.table)))) return
  await commands.nft(ruleset)
  memory.rules = ruleset
}

/** Somebody's `nft flush ruleset` takes our tables too. */
async function hasTables(commands: Commands, table: string): Promise<boolean> {
  const tables = await commands.nftTables()
  return ['bridge', 'inet'].every((family) => tables.includes(`table ${family} ${table}\n`))
}

/** Devices in our bridges that are neither ours nor the tap of a port of that network. */
function straysOf(names: Names, plan: Plan, seen: Seen): Set<string> {
  const taps = new Map(plan.guestPorts.map((port) => [tapName(port.id), names.bridge(port.network_id)]))
  const bridges = new Set(plan.bridges.map((bridge) => bridge.name))
  const strays = seen.links.filter(({ ifname, master }) => {
    const isInside = master !== undefined && bridges.has(master)
    return isInside && !ifname.startsWith(names.prefix) && taps.get(ifname) !== master
  })
  return new Set(strays.map(({ ifname }) => ifname))
}

const MAX_PORT_NUMBER = 0x7ffe

/** A number for each port as long as it lives: never one that another had a moment ago. */
function numberPorts(numbers: Map<string, number>, plan: Plan): void {
  const ids = new Set(plan.guestPorts.map((port) => port.id))
  let last = Math.max(0, ...numbers.values())
  for (const id of numbers.keys()) if (!ids.has(id)) numbers.delete(id)
  const used = new Set(numbers.values())
  for (const id of ids) {
    if (numbers.has(id)) continue
    do last = (last % MAX_PORT_NUMBER) + 1
    while (used.has(last) && used.size < MAX_PORT_NUMBER)
    used.add(last)
    numbers.set(id, last)
  }
}

const ZONES = 65_534

/** A connection tracking zone for each bridge: the same after a restart, so that connections live on. */
function zonesOf(plan: Plan): { name: string; zone: number }[] {
  const used = new Set<number>()
  return plan.bridges
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, networkId }) => {
      let zone = createHash('sha256').update(networkId).digest().readUInt16BE(0) % ZONES
      while (used.has(zone)) zone = (zone + 1) % ZONES
      used.add(zone)
      return { name, zone: zone + 1 }
    })
}

/** Makes the namespaces. Yields the names of those that failed. */
async function applySpaces(
  deps: LookDeps,
  memory: Memory,
  plan: Plan,
  seen: Seen,
  failures: Failures,
): Promise<Set<string>> {
  const failed = new Set<string>()
  for (const space of plan.spaces) {
    const wanted = JSON.stringify(space)
    const isWhole = seen.spaces.has(space.name) && space.legs.every((leg) => seen.names.has(leg.root))
    if (isWhole && memory.spaces.get(space.name) === wanted) continue
    try {
      memory.spaces.delete(space.name)
      await applySpace(deps.commands, space, seen.spaces, seen.names)
      memory.spaces.set(space.name, wanted)
    } catch (error) {
      failed.add(space.name)
      fail(deps, failures, space.networkIds, error)
    }
  }
  return failed
}
