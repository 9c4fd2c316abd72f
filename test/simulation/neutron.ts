/** A Neutron in memory, which each life reaches over a network that fails before, between and after what it does. */
import { Fault } from '#lib/fault.ts'
import type { Ids } from '#lib/ids.ts'
import type { Vif } from '#model/network/index.ts'
import type { Network, Networks, Port, PortRequest } from '#neighbours/networks/port.ts'
import type { Life } from './life.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface NeutronWeather {
  callMs(): number
  fails(): boolean
}

interface StoredPort extends Port {
  /** The owner made it, not Nova. */
  readonly isOwners: boolean
  readonly address: string
}

export interface Neutron {
  connect(life: Life): Networks
  ports(): readonly StoredPort[]
  /** A port of the project's own, to be brought along; answers its id. */
  addOwnersPort(): string
}

export const NETWORK_ID = '6d1f0c5e-0000-4000-8000-00000000000a'
const SUBNET_ID = '6d1f0c5e-0000-4000-8000-00000000000b'

const network: Network = {
  id: NETWORK_ID,
  name: 'private',
  projectId: 'project',
  shared: true,
  external: false,
  subnetIds: [SUBNET_ID],
  mtu: 1450,
}

const vifOf = ({ id, macAddress, address, isOwners }: StoredPort, tag: string | null): Vif => ({
  id,
  macAddress,
  network: { id: NETWORK_ID, label: 'private', mtu: 1450 },
  fixedIps: [
    {
      address,
      version: 4,
      subnetId: SUBNET_ID,
      cidr: '10.0.0.0/16',
      gateway: '10.0.0.1',
      dns: [],
      routes: [],
      dhcpServer: null,
      floatingIps: [],
    },
  ],
  type: 'bridge',
  vnicType: 'normal',
  devname: `tap${id.slice(0, 11)}`,
  details: {},
  active: true,
  preexisting: isOwners,
  tag,
})

export function createNeutron(options: {
  readonly time: VirtualTime
  readonly ids: Ids
  readonly weather: NeutronWeather
  tell(line: string): void
}): Neutron {
  const { time, ids, weather, tell } = options
  const ports = new Map<string, StoredPort>()
  let made = 1

  const newPort = (deviceId: string, host: string | null, isOwners: boolean): StoredPort => {
    const address = `10.0.${(made >> 8) & 255}.${made++ & 255}`
    return {
      id: ids.uuid(),
      networkId: NETWORK_ID,
      projectId: 'project',
      macAddress: `fa:16:3e:00:${((made >> 8) & 255).toString(16).padStart(2, '0')}:${(made & 255).toString(16).padStart(2, '0')}`,
      fixedIps: [{ subnetId: SUBNET_ID, ipAddress: address }],
      deviceId,
      deviceOwner: deviceId === '' ? '' : 'compute:nova',
      status: 'ACTIVE',
      securityGroupIds: [],
      bindingHost: host,
      vifType: 'bridge',
      vnicType: 'normal',
      isOwners,
      address,
    }
  }
  const put = (port: StoredPort) => {
    ports.set(port.id, port)
    tell(`port ${port.id} of ${port.deviceId || 'nobody'} on ${port.bindingHost ?? 'no host'}`)
  }
  const portsOf = (deviceId: string) => [...ports.values()].filter((port) => port.deviceId === deviceId)

  /** One request: it may not come through, or not come back. */
  const request = async <T>(life: Life, work: () => T): Promise<T> => {
    if (!life.cross()) return life.never()
    const away = () => new Fault('unavailable', 'The network service could not be reached.')
    await time.sleep(weather.callMs())
    const isThrough = life.connected && !weather.fails()
    const answer = isThrough ? work() : undefined
    await life.awake()
    if (!life.cross()) return life.never()
    if (!isThrough || weather.fails()) throw away()
    return answer as T
  }

  const take = (
    owner: Parameters<Networks['allocate']>[0],
    { portId, tag }: PortRequest,
    used: Set<string>,
  ): Vif => {
    const { instanceUuid: deviceId, host } = owner
    const own =
      portId === null
        ? portsOf(deviceId).find((port) => !port.isOwners && !used.has(port.id))
        : ports.get(portId)
    if (portId !== null && !own) throw new Fault('badRequest', `Port id ${portId} could not be found.`)
    if (own && own.deviceId !== '' && own.deviceId !== deviceId)
      throw new Fault('conflict', `Port ${own.id} is still in use.`)
    const port = own
      ? { ...own, deviceId, deviceOwner: 'compute:nova', bindingHost: host }
      : newPort(deviceId, host, false)
    used.add(port.id)
    put(port)
    return vifOf(port, tag)
  }

  const drop = (port: StoredPort) => {
    if (port.isOwners) return put({ ...port, deviceId: '', deviceOwner: '', bindingHost: null })
    ports.delete(port.id)
    tell(`port ${port.id} of ${port.deviceId} is gone`)
  }

  const connect = (life: Life): Networks => ({
    available: () => request(life, () => [network]),
    visible: () => request(life, () => [network]),
    findNetworks: (wanted) => request(life, () => (wanted.includes(NETWORK_ID) ? [network] : [])),
    findPort: (id) => request(life, () => ports.get(id)),
    securityGroups: () => request(life, () => []),
    portsLeft: () => request(life, () => undefined),
    async allocate(owner, requests) {
      const vifs: Vif[] = []
      const used = new Set<string>()
      for (const one of requests) vifs.push(await request(life, () => take(owner, one, used)))
      return vifs
    },
    async release(instanceUuid, keepPortIds) {
      const found = await request(life, () => portsOf(instanceUuid))
      for (const port of found)
        await request(life, () => drop({ ...port, isOwners: keepPortIds.includes(port.id) }))
    },
    attach: (owner, one) =>
      request(life, () => take(owner, one, new Set(portsOf(owner.instanceUuid).map(({ id }) => id)))),
    detach: (portId, { keep }) =>
      request(life, () => {
        const port = ports.get(portId)
        if (port) drop({ ...port, isOwners: keep })
      }),
    vifs: (instanceUuid) => request(life, () => portsOf(instanceUuid).map((port) => vifOf(port, null))),
    ports: (instanceUuid) => request(life, () => portsOf(instanceUuid)),
    securityGroupsOf: () => request(life, () => new Map()),
  })

  return {
    connect,
    ports: () => [...ports.values()],
    addOwnersPort() {
      const port = newPort('', null, true)
      put(port)
      return port.id
    },
  }
}
