/** The network plane: what makes stored networks real on this machine. */
import type {
  FloatingIpDoc,
  NetworkDoc,
  PortDoc,
  RouterDoc,
  SecurityGroupRuleDoc,
  SubnetDoc,
} from '../documents.ts'

/** All that is stored, as the plane needs it. */
export interface PlaneState {
  readonly networks: readonly NetworkDoc[]
  readonly subnets: readonly SubnetDoc[]
  readonly ports: readonly PortDoc[]
  readonly routers: readonly RouterDoc[]
  readonly floatingIps: readonly FloatingIpDoc[]
  readonly rules: readonly SecurityGroupRuleDoc[]
  /** The first project network, to which this machine has a route of its own. */
  readonly hostRoutedNetworkId: string | null
}

export interface NetworkPlane {
  /** The `binding:vif_type` of ports bound here. */
  readonly vifType: 'bridge' | 'user'
  /** Whether networks get DHCP and metadata servers, which take an address each. */
  readonly serves: boolean
  /** Begins to make real what `load` yields, in the background, and goes on when told of changes. */
  start(load: () => Promise<PlaneState>): Promise<void>
  /** Something stored has changed. */
  changed(): void
  /** Resolves when all that was stored before the call is real; rejects when that failed for one of the networks. */
  settled(networkIds: readonly string[]): Promise<void>
  /** The `binding:vif_details` of ports of a network. */
  vifDetails(networkId: string): Readonly<Record<string, unknown>>
  /** Where the plane's metadata proxies look for the metadata agent; null without them. */
  readonly metadataSocket: { readonly path: string; readonly uid: number; readonly gid: number } | null
  /** Subnets that this machine already reaches otherwise (`10.0.0.0/8`): a new cloud keeps out of them. */
  rangesInUse(): Promise<readonly string[]>
  /** Takes everything down again: nothing is left running or set. */
  close(): Promise<void>
}
