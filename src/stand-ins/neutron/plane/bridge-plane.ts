/**
 * The real plane: Linux bridges, namespaces, nftables, dnsmasq and haproxy. One loop compares what
 * should be with what is and closes the gap: after a change, after a crash, and now and then.
 */
import { readdir } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import { createChildren, killLeftovers } from './children.ts'
import type { Commands } from './commands.ts'
import { guestRuleset } from './guest-rules.ts'
import { createHostSide } from './host-side.ts'
import { createNames, tapName } from './names.ts'
import { type Plan, planOf } from './plan.ts'
import type { NetworkPlane, PlaneState } from './port.ts'
import { createReconciler } from './reconciler.ts'
import { createServers, prepareRunDir, removeRunDir } from './servers.ts'
import { applySpace, type SeenRoute } from './spaces.ts'

export interface BridgePlaneDeps {
  readonly commands: Commands
  readonly log: Log
  readonly clock: Clock
  /** Tells this cloud's devices from those of another on the same machine. */
  readonly stateDir: string
  /** Whom the metadata proxy becomes. */
  readonly proxyUser: { readonly name: string; readonly uid: number; readonly gid: number }
}

interface SeenLink {
  readonly ifname: string
  readonly master?: string
}

const SPACES_DIR = '/run/netns'
const MAX_PORT_NUMBER = 0x7ffe
const ZONES = 65_534

export function createBridgePlane(deps: BridgePlaneDeps): NetworkPlane {
  const { commands, log, clock } = deps
  const names = createNames(deps.stateDir)
  const runDir = `/run/${names.prefix}`
  const socketPath = `${runDir}/metadata.sock`
  const children = createChildren({
    log,
    clock,
    onDeath: (name) => {
      servers.forget(name)
      reconciler.later()
    },
  })
  const servers = createServers({
    tools: commands.tools,
    children,
    runDir,
    metadataSocket: socketPath,
    proxyUser: deps.proxyUser.name,
  })
  const hostSide = createHostSide({ commands, log, prefix: names.prefix, runDir })
  const numbers = new Map<string, number>()
  const appliedSpaces = new Map<string, string>()
  let appliedRules = ''
  let load: (() => Promise<PlaneState>) | undefined

  const pass = async (): Promise<ReadonlyMap<string, unknown>> => {
    if (!load) return new Map()
    const [state, links, spaces] = [await load(), await linksOf(commands), await spacesOf(names.prefix)]
    const have = new Set(links.map((link) => link.ifname))
    const upNetworkIds = new Set(
      state.networks.filter((network) => have.has(names.bridge(network.id))).map((network) => network.id),
    )
    const plan = planOf({ state, names, upNetworkIds })
    if (
      plan.bridges.length === 0 &&
      spaces.size === 0 &&
      !links.some((link) => link.ifname.startsWith(names.prefix))
    )
      return new Map()
    await servers.retain(plan.dhcp)
    await removeSurplus(plan, links, spaces)
    await commands.ip(bridgeCommands(plan, have))
    await applyRules(plan, state, links)
    const failures = await applySpaces(plan, have, spaces)
    await hostSide.apply(plan.hostLegs, have)
    const ready = (name: string) => !failures.failedSpaces.has(name)
    const late = await servers.apply(
      plan.dhcp.filter((server) => ready(server.space)),
      plan.doors.filter((door) => ready(door.space)),
    )
    for (const [networkId, error] of late) failures.byNetwork.set(networkId, error)
    return failures.byNetwork
  }

  const removeSurplus = async (
    plan: Plan,
    links: readonly SeenLink[],
    spaces: ReadonlySet<string>,
  ): Promise<void> => {
    const wanted = new Set([
      ...plan.bridges.map((bridge) => bridge.name),
      ...plan.spaces.flatMap((space) => space.legs.map((leg) => leg.root)),
      ...plan.hostLegs.flatMap((leg) => [leg.name, leg.peer]),
    ])
    const surplus = links.filter((link) => link.ifname.startsWith(names.prefix) && !wanted.has(link.ifname))
    // Of a veth in this namespace either end takes the other with it.
    const devices = surplus.map((link) => link.ifname).filter((name) => !name.startsWith(`${names.prefix}y`))
    await commands.ip(devices.map((name) => `link del ${name}`))
    const planned = new Set(plan.spaces.map((space) => space.name))
    const gone = [...spaces].filter((name) => !planned.has(name))
    for (const name of gone) appliedSpaces.delete(name)
    await commands.ip(gone.map((name) => `netns del ${name}`))
  }

  const applyRules = async (plan: Plan, state: PlaneState, links: readonly SeenLink[]): Promise<void> => {
    numberPorts(numbers, plan)
    const taps = new Map(plan.guestPorts.map((port) => [tapName(port.id), names.bridge(port.network_id)]))
    const bridges = new Set(plan.bridges.map((bridge) => bridge.name))
    const strays = links.filter(
      (link) =>
        link.master !== undefined &&
        bridges.has(link.master) &&
        !link.ifname.startsWith(names.prefix) &&
        taps.get(link.ifname) !== link.master,
    )
    const strayNames = new Set(strays.map((link) => link.ifname))
    const ruleset = guestRuleset({
      table: names.table,
      prefix: names.prefix,
      bridges: zonesOf(plan),
      ports: plan.guestPorts.flatMap((port) => {
        const number = numbers.get(port.id)
        return number === undefined || strayNames.has(tapName(port.id)) ? [] : [{ port, number }]
      }),
      strays: [...strayNames],
      rules: state.rules,
      members: state.ports,
      hiddenRanges: plan.hostLegs.flatMap((leg) => leg.ranges),
      guardedUplinks: plan.hostLegs.length > 0 ? await hostSide.openUplinks() : [],
    })
    const tables = await commands.nftTables()
    const isThere = ['bridge', 'inet'].every((family) => tables.includes(`table ${family} ${names.table}\n`))
    if (ruleset === appliedRules && isThere) return
    await commands.nft(ruleset)
    appliedRules = ruleset
  }

  const applySpaces = async (plan: Plan, have: ReadonlySet<string>, spaces: ReadonlySet<string>) => {
    const byNetwork = new Map<string, unknown>()
    const failedSpaces = new Set<string>()
    for (const space of plan.spaces) {
      const wanted = JSON.stringify(space)
      const isWhole = spaces.has(space.name) && space.legs.every((leg) => have.has(leg.root))
      if (isWhole && appliedSpaces.get(space.name) === wanted) continue
      try {
        await applySpace(commands, space, spaces, have)
        appliedSpaces.set(space.name, wanted)
      } catch (error) {
        appliedSpaces.delete(space.name)
        failedSpaces.add(space.name)
        log.error({ err: error, space: space.name }, 'a network namespace could not be made')
        for (const networkId of space.networkIds) byNetwork.set(networkId, error)
      }
    }
    return { byNetwork, failedSpaces }
  }

  const reconciler = createReconciler({ pass, log, clock })
  return {
    vifType: 'bridge',
    serves: true,
    async start(source) {
      load = source
      await prepareRunDir(runDir)
      reconciler.start(async () => {
        const killed = await killLeftovers(runDir)
        if (killed > 0) log.info({ killed }, 'ended network servers of an earlier run')
      })
    },
    changed: () => reconciler.changed(),
    settled: (networkIds) => reconciler.settled(networkIds),
    vifDetails: (networkId) => ({
      bridge_name: names.bridge(networkId),
      port_filter: true,
      connectivity: 'l2',
    }),
    metadataSocket: { path: socketPath, uid: deps.proxyUser.uid, gid: deps.proxyUser.gid },
    async rangesInUse() {
      const routes = (await commands.ipJson(['-4', 'route', 'show'])) as SeenRoute[]
      return routes
        .filter((route) => route.dst !== 'default' && !route.dev.startsWith(names.prefix))
        .map((route) => (route.dst.includes('/') ? route.dst : `${route.dst}/32`))
    },
    async close() {
      await reconciler.close()
      await children.stopAll()
      await removeAll(commands, names.prefix)
      await hostSide.closeUplinks()
      await removeRunDir(runDir)
    },
  }
}

const linksOf = async (commands: Commands): Promise<SeenLink[]> =>
  (await commands.ipJson(['link', 'show'])) as SeenLink[]

async function spacesOf(prefix: string): Promise<Set<string>> {
  const all = await readdir(SPACES_DIR).catch(() => [])
  return new Set(all.filter((name) => name.startsWith(`${prefix}-`)))
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

/** A number for each port as long as it lives: never one that another had a moment ago. */
function numberPorts(numbers: Map<string, number>, plan: Plan): void {
  const ids = new Set(plan.guestPorts.map((port) => port.id))
  for (const id of numbers.keys()) if (!ids.has(id)) numbers.delete(id)
  const used = new Set(numbers.values())
  let last = Math.max(0, ...used)
  for (const id of ids) {
    if (numbers.has(id)) continue
    do last = (last % MAX_PORT_NUMBER) + 1
    while (used.has(last) && used.size < MAX_PORT_NUMBER)
    used.add(last)
    numbers.set(id, last)
  }
}

/** A connection tracking zone for each bridge: the same after a restart, so that connections live on. */
function zonesOf(plan: Plan): { name: string; zone: number }[] {
  const used = new Set<number>()
  return [...plan.bridges]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, networkId }) => {
      let zone = createHash('sha256').update(networkId).digest().readUInt16BE(0) % ZONES
      while (used.has(zone)) zone = (zone + 1) % ZONES
      used.add(zone)
      return { name, zone: zone + 1 }
    })
}

/** Everything in the root namespace whose name begins with the prefix, the namespaces, and the nft tables. */
async function removeAll(commands: Commands, prefix: string): Promise<void> {
  const devices = (await linksOf(commands))
    .map((link) => link.ifname)
    .filter((name) => name.startsWith(prefix) && !name.startsWith(`${prefix}y`))
  await commands.ip(devices.map((name) => `link del ${name}`))
  await commands.ip([...(await spacesOf(prefix))].map((name) => `netns del ${name}`))
  await commands.nft(
    ['bridge', 'inet']
      .flatMap((family) => [`table ${family} ${prefix}`, `delete table ${family} ${prefix}`, ''])
      .join('\n'),
  )
}
