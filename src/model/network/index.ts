/** A guest's network interfaces (VIFs) as Nova keeps them in its info cache. */

export interface FixedIp {
  readonly address: string
  readonly version: 4 | 6
  readonly subnetId: string
  /** `10.0.0.0/24`. */
  readonly cidr: string
  readonly gateway: string | null
  readonly dns: readonly string[]
  readonly routes: readonly { readonly cidr: string; readonly gateway: string }[]
  readonly dhcpServer: string | null
  readonly floatingIps: readonly string[]
}

export interface Vif {
  /** The port's id. */
  readonly id: string
  readonly macAddress: string
  readonly network: { readonly id: string; readonly label: string; readonly mtu: number | null }
  readonly fixedIps: readonly FixedIp[]
  /** `bridge`: a tap in `details.bridge_name`; `user`: QEMU user networking; as Neutron bound it. */
  readonly type: string
  readonly vnicType: string
  /** The tap's name: `tap` and the first 11 characters of the port's id. */
  readonly devname: string
  readonly details: Readonly<Record<string, unknown>>
  readonly active: boolean
  /** The port was the caller's: it is unbound, not removed, when the server goes. */
  readonly preexisting: boolean
  readonly tag: string | null
}
