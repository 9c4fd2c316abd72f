/** This machine: its configuration, what guests need of it, its addresses, and whether browsers reach consoles. */
import { accessSync, constants, existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { hasProgram } from '../setup/set-up.ts'
import { type Check, failed, isSimulated, ok, skipped, warning } from './check.ts'

const KVM = '/dev/kvm'
const TUN = '/dev/net/tun'
const ASK_MS = 5_000

const configuration: Check = {
  name: 'configuration',
  mend: 'correct nova.conf',
  async run({ warnings }) {
    return warnings.length === 0
      ? [ok('every option is known')]
      : warnings.map((line) => warning(line, 'remove or rename it; docs/configuration.md has every option'))
  },
}

function isUsable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

const guests: Check = {
  name: 'guests',
  mend: 'apt-get install qemu-system-x86 qemu-utils genisoimage',
  async run({ config, path }) {
    if (config.DEFAULT.compute_driver === null) return [skipped('no compute_driver: no compute host')]
    if (isSimulated(config)) return [skipped('simulated: nothing is needed')]
    const lacking = ['qemu-system-x86_64', 'qemu-img', 'genisoimage'].filter(
      (name) => !hasProgram(name, path),
    )
    return lacking.length === 0
      ? [ok('QEMU is installed')]
      : [failed(`${lacking.join(', ')} not found`, this.mend)]
  },
}

const kvm: Check = {
  name: 'kvm',
  mend: 'switch on virtualization in the firmware, then modprobe kvm_intel (or kvm_amd)',
  async run({ config }) {
    const { compute_driver: driver } = config.DEFAULT
    if (driver === null || isSimulated(config)) return [skipped('no guests of QEMU here')]
    if (!existsSync(KVM)) {
      const says = `there is no ${KVM}: guests run, several times slower`
      return [config.libvirt.virt_type === 'kvm' ? failed(says, this.mend) : warning(says, this.mend)]
    }
    return isUsable(KVM)
      ? [ok(`${KVM} is usable`)]
      : [failed(`this user may not use ${KVM}`, 'usermod --append --groups kvm USER, then log in again')]
  },
}

const network: Check = {
  name: 'network',
  mend: 'set [DEFAULT] my_ip to an address of this machine',
  async run({ config }) {
    const { my_ip: address, compute_driver: driver } = config.DEFAULT
    const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((each) => each.address))
    const findings = own.includes(address)
      ? [ok(`my_ip ${address} is this machine's`)]
      : [failed(`my_ip ${address} is none of ${own.join(', ')}`, this.mend)]
    if (driver === null || isSimulated(config)) return findings
    return [
      ...findings,
      isUsable(TUN) ? ok(`${TUN} is usable`) : failed(`${TUN} is not usable`, 'modprobe tun; run as root'),
    ]
  },
}

const consoles: Check = {
  name: 'consoles',
  mend: 'start nova-novncproxy, and set [vnc] novncproxy_base_url to where browsers reach it',
  async run({ config, http }) {
    const { enabled, novncproxy_base_url: base } = config.vnc
    if (!enabled) return [skipped('[vnc] enabled is false')]
    const { origin, hostname } = new URL(base)
    const { status } = await http.send({ method: 'GET', url: base, timeoutMs: ASK_MS })
    if (status !== 200) return [failed(`${base} answers ${status}`, this.mend)]
    const isLoopback = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
    return isLoopback
      ? [
          warning(
            `${origin} is reached from this machine only`,
            'set [vnc] novncproxy_base_url to an address of it',
          ),
        ]
      : [ok(`served at ${origin}`)]
  },
}

export const HOST_CHECKS: readonly Check[] = [configuration, network, guests, kvm, consoles]
