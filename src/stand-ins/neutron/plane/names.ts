/**
 * Names of devices and namespaces. All are made of a cloud's tag and of ids, never of what somebody
 * typed; every name begins with the tag, so that two clouds on one machine never touch one another's.
 */
import { createHash } from 'node:crypto'

export interface Names {
  /** The beginning of every name in the root namespace. */
  readonly prefix: string
  /** Of the nft tables. */
  readonly table: string
  bridge(networkId: string): string
  /** The end of a namespace's leg that is in the bridge. */
  dhcpLeg(networkId: string): string
  routerLeg(portId: string): string
  /** This machine's own leg in an external network, and its end in the bridge. */
  hostLeg(networkId: string): string
  hostPeer(networkId: string): string
  dhcpSpace(networkId: string): string
  routerSpace(routerId: string): string
}

const TAG_LENGTH = 4
const SHORT = 8

/** Linux takes 15 characters: `kn`, the tag, a letter, and the first 8 of an id. */
export function createNames(stateDir: string): Names {
  const tag = createHash('sha256').update(stateDir).digest('hex').slice(0, TAG_LENGTH)
  const prefix = `kn${tag}`
  const short = (letter: string) => (id: string) => `${prefix}${letter}${id.slice(0, SHORT)}`
  return {
    prefix,
    table: prefix,
    bridge: short('b'),
    dhcpLeg: short('d'),
    routerLeg: short('r'),
    hostLeg: short('x'),
    hostPeer: short('y'),
    dhcpSpace: (id) => `${prefix}-dhcp-${id}`,
    routerSpace: (id) => `${prefix}-router-${id}`,
  }
}

const DEVICE_LENGTH = 14

/** A guest's tap, as Nova names it. */
export const tapName = (portId: string): string => `tap${portId}`.slice(0, DEVICE_LENGTH)
/** Inside a router's namespace: a leg towards a network, and the one that leads out. */
export const insideName = (portId: string): string => `qr-${portId}`.slice(0, DEVICE_LENGTH)
export const outsideName = (portId: string): string => `qg-${portId}`.slice(0, DEVICE_LENGTH)
/** Inside a network's DHCP namespace. */
export const dhcpName = (networkId: string): string => `ns-${networkId}`.slice(0, DEVICE_LENGTH)
