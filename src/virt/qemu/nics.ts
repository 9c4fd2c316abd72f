/**
 * A guest's network interfaces on QEMU's command line: a tap for a bridged port, QEMU's user networking
 * (out only; no guest reaches another) where there is no network of the host's.
 */
import { isIPv4 } from 'node:net'
import type { FixedIp, Vif } from '#model/network/index.ts'
import { SpawnFailed } from '#virt/port.ts'
import { deviceOption, options } from './option-list.ts'
import type { PluggedDevice } from './qmp/device-commands.ts'

export const NIC_DEVICES = {
  virtio: 'virtio-net-pci',
  e1000: 'e1000',
  e1000e: 'e1000e',
  rtl8139: 'rtl8139',
} as const
export type NicModel = keyof typeof NIC_DEVICES

/** Vif types that are a tap on a bridge of ours. */
export const TAP_VIF_TYPES: ReadonlySet<string> = new Set(['bridge', 'tap'])

/** Throws for a port that is bound in a way that this driver cannot plug in. */
export function checkVifs(vifs: readonly Vif[]): void {
  const other = vifs.find((vif) => vif.type !== 'user' && !TAP_VIF_TYPES.has(vif.type))
  if (other)
    throw new SpawnFailed(`Port ${other.id} is bound as '${other.type}', which this host cannot plug in`)
}

const toNumber = (address: string): number =>
  address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
const toAddress = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')

/** QEMU's own little DHCP is told the port's address, so the guest has the address that the API shows. */
function userNetwork(ip: FixedIp | undefined): Readonly<Record<string, string>> {
  if (!ip || !isIPv4(ip.address)) return {}
  const [base = '', bits = ''] = ip.cidr.split('/')
  const size = 2 ** (32 - Number(bits))
  if (size < 8) return {}
  const first = Math.floor(toNumber(base) / size) * size
  const own = toNumber(ip.address)
  const gateway = ip.gateway !== null && isIPv4(ip.gateway) ? toNumber(ip.gateway) : first + 1
  const free = (taken: readonly number[]): number => {
    let candidate = first + size - 2
    while (taken.includes(candidate)) candidate -= 1
    return candidate
  }
  const host = gateway === own ? free([own]) : gateway
  const dns = free([own, host])
  return { net: ip.cidr, host: toAddress(host), dns: toAddress(dns), dhcpstart: ip.address }
}

/** Where the interface's frames go, as `netdev_add` takes it. */
export const netdevOf = (
  vif: Vif,
  id: string,
): { readonly type: string } & Record<string, string | boolean> =>
  TAP_VIF_TYPES.has(vif.type)
    ? { type: 'tap', id, ifname: vif.devname, script: 'no', downscript: 'no' }
    : {
        type: 'user',
        id,
        ipv6: false,
        ...userNetwork(vif.fixedIps.find((ip) => ip.version === 4)),
      }

/** What the guest sees, as `device_add` takes it. `port`: the PCIe port that it sits in, where it needs one. */
export const nicOf = (vif: Vif, model: NicModel, index: number, port: string | undefined): PluggedDevice => ({
  driver: NIC_DEVICES[model],
  netdev: netdevName(index),
  id: nicName(index),
  mac: vif.macAddress,
  // No boot ROM: guests boot from disk, and the ROM files need not be installed.
  romfile: '',
  host_mtu: model === 'virtio' && vif.network.mtu !== null ? vif.network.mtu : undefined,
  bus: port,
})

export const nicName = (index: number): string => `nic${index}`
export const netdevName = (index: number): string => `net${index}`

/** The arguments for each interface, in the order of the ports. */
export function networkArguments(
  vifs: readonly Vif[],
  model: NicModel,
  portOf: (index: number) => string | undefined = () => undefined,
): string[] {
  return vifs.flatMap((vif, index) => {
    const { type, ...netdev } = netdevOf(vif, netdevName(index))
    return [
      '-netdev',
      options(type, netdev),
      '-device',
      deviceOption(nicOf(vif, model, index, portOf(index))),
    ]
  })
}
