/** This machine's own place in external networks: its address there, routes, and forwarding to the world. */
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import type { Log } from '#lib/log.ts'
import { cidrsOverlap, parseCidr } from '../addresses.ts'
import type { Commands } from './commands.ts'
import type { HostLeg } from './plan.ts'
import { addressCommands, type SeenDevice, type SeenRoute } from './spaces.ts'

export interface HostSide {
  /** Makes the legs what they should be. Ranges that the machine reaches otherwise are left alone, and said. */
  apply(legs: readonly HostLeg[], rootDevices: ReadonlySet<string>): Promise<void>
  /** Sees that what comes back from the world is forwarded. Yields the devices that forward only for us. */
  openUplinks(): Promise<readonly string[]>
  /** Takes forwarding back where we turned it on and no other cloud needs it. */
  closeUplinks(): Promise<void>
}

export interface HostSideDeps {
  readonly commands: Commands
  readonly log: Log
  readonly prefix: string
}

/** The devices that clouds of ours made forward, shared by all of them: the last one to stop turns it off again. */
const UPLINKS = '/run/kilonova-uplinks'

const readUplinks = async (): Promise<string[]> =>
  (await readFile(UPLINKS, 'utf8').catch(() => '')).split('\n').filter((device) => device !== '')

const forwardingOf = (device: string): string => `/proc/sys/net/ipv4/conf/${device}/forwarding`

export function createHostSide(deps: HostSideDeps): HostSide {
  const { commands } = deps
  const said = new Set<string>()
  const sayOnce = (range: string, device: string, lost: string) => {
    if (said.has(range)) return
    said.add(range)
    deps.log.warn({ range, device }, `${range} is reached through ${device} already: ${lost}`)
  }
  /** Routes that are not ours, the default one aside. */
  const foreign = async (): Promise<SeenRoute[]> =>
    ((await commands.ipJson(['-4', 'route', 'show'])) as SeenRoute[]).filter(
      (route) => route.dst !== 'default' && !route.dev.startsWith(deps.prefix),
    )
  return {
    async apply(legs, rootDevices) {
      const others = legs.length > 0 ? await foreign() : []
      for (const leg of legs) {
        await commands.ip([
          ...(rootDevices.has(leg.name) ? [] : [`link add ${leg.name} type veth peer name ${leg.peer}`]),
          `link set ${leg.peer} master ${leg.bridge} addrgenmode none mtu ${leg.mtu} up`,
          `link set ${leg.name} addrgenmode none mtu ${leg.mtu} up`,
        ])
        const blocker = leg.ranges
          .map((range) => [range, blocking(range, others)] as const)
          .find(([, route]) => route)
        if (blocker?.[1]) sayOnce(blocker[0], blocker[1].dev, 'this machine cannot reach floating IPs there')
        await applyAddresses(commands, leg, blocker?.[1] !== undefined)
        if (blocker?.[1]) continue
        await writeFile(forwardingOf(leg.name), '1')
        await applyRoutes(commands, leg, others, sayOnce)
      }
    },
    async openUplinks() {
      const routes = (await commands.ipJson(['-4', 'route', 'show', 'default'])) as SeenRoute[]
      const guarded = new Set(await readUplinks())
      for (const device of new Set(routes.map((route) => route.dev))) {
        if ((await readFile(forwardingOf(device), 'utf8')).trim() !== '0') continue
        guarded.add(device)
        await writeFile(UPLINKS, [...guarded].join('\n'))
        await writeFile(forwardingOf(device), '1')
      }
      return [...guarded]
    },
    async closeUplinks() {
      const links = (await commands.ipJson(['link', 'show', 'type', 'bridge'])) as SeenDevice[]
      if (links.some((link) => /^kn[0-9a-f]{4}b/.test(link.ifname) && !link.ifname.startsWith(deps.prefix)))
        return
      for (const device of await readUplinks())
        if (existsSync(forwardingOf(device))) await writeFile(forwardingOf(device), '0')
      await rm(UPLINKS, { force: true })
    },
  }
}

function blocking(range: string, routes: readonly SeenRoute[]): SeenRoute | undefined {
  const wanted = parseCidr(range)
  return routes.find((route) => {
    const other = parseCidr(route.dst.includes('/') ? route.dst : `${route.dst}/32`)
    return wanted && other && cidrsOverlap(wanted, other)
  })
}

async function applyAddresses(commands: Commands, leg: HostLeg, isBlocked: boolean): Promise<void> {
  const [seen] = (await commands.ipJson(['addr', 'show', 'dev', leg.name])) as SeenDevice[]
  await commands.ip(addressCommands(leg.name, isBlocked ? [] : leg.addresses, seen))
}

async function applyRoutes(
  commands: Commands,
  leg: HostLeg,
  others: readonly SeenRoute[],
  sayOnce: (range: string, device: string, lost: string) => void,
): Promise<void> {
  const seen = (await commands.ipJson(['-4', 'route', 'show', 'dev', leg.name])) as Omit<SeenRoute, 'dev'>[]
  const free = leg.routes.filter((route) => {
    const blocker = blocking(route.to, others)
    if (blocker) sayOnce(route.to, blocker.dev, 'this machine cannot reach fixed IPs there')
    return !blocker
  })
  const stale = seen.filter(
    (route) => route.protocol !== 'kernel' && !free.some((one) => one.to === route.dst),
  )
  await commands.ip([
    ...stale.map((route) => `route del ${route.dst} dev ${leg.name}`),
    ...free.map((route) => `route replace ${route.to} via ${route.via} dev ${route.device}`),
    // A floating IP that moved has a new MAC.
    `neigh flush dev ${leg.name}`,
  ])
}
