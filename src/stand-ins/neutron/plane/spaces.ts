/** Making a namespace what its plan says, whatever it was before. */
import type { Commands } from './commands.ts'
import type { Leg, Space } from './plan.ts'

/** A device as `ip -json addr` shows it. */
export interface SeenDevice {
  readonly ifname: string
  readonly address?: string
  readonly addr_info?: readonly {
    readonly family: string
    readonly local: string
    readonly prefixlen: number
    readonly scope: string
  }[]
}

/** A route as `ip -json route` shows it. */
export interface SeenRoute {
  readonly dst: string
  readonly dev: string
  readonly gateway?: string
  readonly protocol?: string
}

/** Commands in the root namespace that bring up the bridge's ends of a namespace's legs. */
export function legCommands(space: Space, rootDevices: ReadonlySet<string>): string[] {
  return space.legs.flatMap((leg) => [
    ...(rootDevices.has(leg.root)
      ? []
      : [`link add ${leg.root} type veth peer name ${leg.inner} netns ${space.name}`]),
    `link set ${leg.root} master ${leg.bridge} addrgenmode none mtu ${leg.mtu} up`,
  ])
}

/** Commands inside the namespace that make addresses and routes those of the plan. Pure. */
export function innerCommands(
  space: Space,
  devices: readonly SeenDevice[],
  routes: readonly SeenRoute[],
): string[] {
  const seen = new Map(devices.map((device) => [device.ifname, device]))
  const wantedRoutes = new Set(space.routes.map(({ to, via, device }) => `${to} ${via} ${device}`))
  const stale = routes.filter(
    (route) =>
      route.protocol !== 'kernel' && !wantedRoutes.has(`${route.dst} ${route.gateway ?? ''} ${route.dev}`),
  )
  return [
    'link set lo up',
    ...addressCommands('lo', space.loopback, seen.get('lo')),
    ...space.legs.flatMap((leg) => legInnerCommands(leg, seen.get(leg.inner))),
    ...stale.map((route) => `route del ${route.dst} dev ${route.dev}`),
    ...space.routes.map(({ to, via, device }) => `route replace ${to} via ${via} dev ${device} onlink`),
  ]
}

function legInnerCommands(leg: Leg, seen: SeenDevice | undefined): string[] {
  const mac = seen?.address === leg.mac ? '' : ` address ${leg.mac}`
  return [
    `link set ${leg.inner}${mac} addrgenmode none mtu ${leg.mtu} up`,
    ...addressCommands(leg.inner, leg.addresses, seen),
  ]
}

/** Adds what lacks before it removes what is too much. */
export function addressCommands(
  device: string,
  wanted: readonly string[],
  seen: SeenDevice | undefined,
): string[] {
  const there = (seen?.addr_info ?? [])
    .filter((one) => one.family === 'inet' && one.scope !== 'host')
    .map((one) => `${one.local}/${one.prefixlen}`)
  return [
    ...wanted
      .filter((address) => !there.includes(address))
      .map((address) => `addr add ${address} dev ${device}`),
    ...there
      .filter((address) => !wanted.includes(address))
      .map((address) => `addr del ${address} dev ${device}`),
  ]
}

/** Makes the namespace and everything in it. `rootDevices`: what the root namespace has. */
export async function applySpace(
  commands: Commands,
  space: Space,
  spaces: ReadonlySet<string>,
  rootDevices: ReadonlySet<string>,
): Promise<void> {
  if (!spaces.has(space.name)) await commands.ip([`netns add ${space.name}`])
  await commands.ip(legCommands(space, rootDevices))
  const devices = (await commands.ipJson(['addr', 'show'], space.name)) as SeenDevice[]
  const routes = (await commands.ipJson(['-4', 'route', 'show'], space.name)) as SeenRoute[]
  await commands.ip(innerCommands(space, devices, routes), space.name)
  if (space.ruleset === null) return
  await commands.nft(space.ruleset, space.name)
  await commands.sysctl('net/ipv4/ip_forward', '1', space.name)
}
