/** Neutron, as far as Kilonova needs it. Methods with a `caller` act with the caller's rights, others as the service user. */
import type { Vif } from '#model/network/index.ts'

export interface Caller {
  readonly token: string
  readonly projectId: string
}

export interface Network {
  readonly id: string
  readonly name: string
  readonly projectId: string
  readonly shared: boolean
  readonly external: boolean
  readonly subnetIds: readonly string[]
  readonly mtu: number | null
}

export interface Port {
  readonly id: string
  readonly networkId: string
  readonly projectId: string
  readonly macAddress: string
  readonly fixedIps: readonly { readonly subnetId: string; readonly ipAddress: string }[]
  readonly deviceId: string
  readonly deviceOwner: string
  readonly status: string
  readonly securityGroupIds: readonly string[]
  readonly bindingHost: string | null
  readonly vifType: string
  readonly vnicType: string
}

export interface SecurityGroup {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly projectId: string
  readonly rules: readonly Readonly<Record<string, unknown>>[]
}

/** One interface to make or to take over. */
export interface PortRequest {
  readonly networkId: string
  readonly portId: string | null
  readonly fixedIp: string | null
  readonly securityGroupIds: readonly string[]
  readonly tag: string | null
}

export interface PortOwner {
  readonly instanceUuid: string
  readonly projectId: string
  readonly host: string
  readonly availabilityZone: string
  readonly hostname: string
}

export interface Networks {
  /** Networks a new server of the caller may use: its own, and shared ones. */
  available(caller: Caller): Promise<readonly Network[]>
  /** All that the caller may know of, external ones included. */
  visible(caller: Caller): Promise<readonly Network[]>
  findNetworks(ids: readonly string[], caller: Caller): Promise<readonly Network[]>
  findPort(id: string, caller: Caller): Promise<Port | undefined>
  securityGroups(
    caller: Caller,
    filter?: { ids?: readonly string[]; names?: readonly string[] },
  ): Promise<readonly SecurityGroup[]>
  /** Room for so many more ports in the caller's quota: undefined when unlimited. */
  portsLeft(caller: Caller): Promise<number | undefined>

  /** Makes or binds the ports of an instance on a host; done twice, the ports of the first time are used. All or nothing. */
  allocate(owner: PortOwner, requests: readonly PortRequest[]): Promise<readonly Vif[]>
  /** Removes the ports that were made for the instance and unbinds those that were not. Nothing there is success. */
  release(instanceUuid: string, keepPortIds: readonly string[]): Promise<void>
  /** Makes or binds one more port of an instance on a host. */
  attach(owner: PortOwner, request: PortRequest): Promise<Vif>
  /** Removes a port, or only unbinds it when it is to be kept. Nothing there is success. */
  detach(portId: string, options: { readonly keep: boolean }): Promise<void>
  /** The instance's interfaces as Neutron has them now. */
  vifs(instanceUuid: string): Promise<readonly Vif[]>
  ports(instanceUuid: string): Promise<readonly Port[]>
  /**
   * The servers with an address, among the ports that the caller may see, of which this is a part; undefined
   * when this Neutron cannot search for parts of addresses.
   */
  instancesByAddress?(part: string, caller: Caller): Promise<readonly string[] | undefined>
  /** Security groups by port for several instances, in two requests. */
  securityGroupsOf(instanceUuids: readonly string[]): Promise<ReadonlyMap<string, readonly SecurityGroup[]>>
}
