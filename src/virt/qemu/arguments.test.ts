import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as check, property, string } from 'fast-check'
import type { Vif } from '#model/network/index.ts'
import { buildArguments, type LaunchPlan } from './arguments.ts'
import { networkArguments } from './nics.ts'
import { options } from './option-list.ts'

const vif: Vif = {
  id: 'f0d1c2b3-0000-4000-8000-000000000000',
  macAddress: 'fa:16:3e:00:00:01',
  network: { id: 'n', label: 'private', mtu: 1450 },
  fixedIps: [
    {
      address: '10.0.0.5',
      version: 4,
      subnetId: 's',
      cidr: '10.0.0.0/24',
      gateway: '10.0.0.1',
      dns: [],
      routes: [],
      dhcpServer: null,
      floatingIps: [],
    },
  ],
  type: 'bridge',
  vnicType: 'normal',
  devname: 'tapf0d1c2b3-00',
  details: { bridge_name: 'kbr0' },
  active: true,
  preexisting: false,
  tag: null,
}

const plan: LaunchPlan = {
  uuid: '6f1c0b52-9a3e-4c8e-b7a1-0d2f5e6a7b8c',
  name: 'instance-0000002a',
  vcpus: 2,
  memoryMb: 512,
  accel: { kind: 'tcg', tbSizeMb: 32 },
  sandbox: true,
  machine: 'pc',
  diskBus: 'virtio',
  disks: [
    {
      id: 'root',
      file: '/s/disk',
      format: 'qcow2',
      backing: { file: '/s/_base/b', format: 'qcow2' },
      readOnly: false,
    },
    { id: 'config', file: '/s/disk.config', format: 'raw', readOnly: true },
  ],
  nicModel: 'virtio',
  vifs: [vif],
  guestAgent: false,
  paths: {
    qmpSocket: '/s/qmp.sock',
    vncSocket: '/s/vnc.sock',
    serialSocket: '/s/serial.sock',
    agentSocket: '/s/agent.sock',
    memorySocket: '/s/memory.sock',
    consoleLog: '/s/console.log',
    qemuLog: '/s/qemu.log',
    pidFile: '/s/qemu.pid',
  },
  productVersion: '7.2.22',
}

const GOLDEN = `
-name guest=instance-0000002a,debug-threads=on
-uuid 6f1c0b52-9a3e-4c8e-b7a1-0d2f5e6a7b8c
-smbios type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova,version=7.2.22,serial=6f1c0b52-9a3e-4c8e-b7a1-0d2f5e6a7b8c,uuid=6f1c0b52-9a3e-4c8e-b7a1-0d2f5e6a7b8c,family=Virtual Machine
-S
-nodefaults
-no-user-config
-display none
-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
-machine pc,usb=off,dump-guest-core=off
-accel tcg,tb-size=32
-cpu max,la57=off
-m size=512M
-smp 2,sockets=2,cores=1,threads=1
-rtc base=utc
-boot strict=on
-pidfile /s/qemu.pid
-blockdev {"driver":"qcow2","read-only":false,"file":{"driver":"file","filename":"/s/disk","discard":"unmap"},"node-name":"root","discard":"unmap","backing":{"driver":"qcow2","read-only":true,"file":{"driver":"file","filename":"/s/_base/b"},"backing":null}}
-device virtio-blk-pci,drive=root,id=disk-root,serial=root,bootindex=1
-blockdev {"driver":"raw","read-only":true,"file":{"driver":"file","filename":"/s/disk.config"},"node-name":"config"}
-device virtio-blk-pci,drive=config,id=disk-config,serial=config
-netdev tap,id=net0,ifname=tapf0d1c2b3-00,script=no,downscript=no
-device virtio-net-pci,netdev=net0,id=nic0,mac=fa:16:3e:00:00:01,romfile=,host_mtu=1450
-chardev socket,id=monitor,path=/s/qmp.sock,server=on,wait=off
-mon chardev=monitor,mode=control
-chardev socket,id=serial0,path=/s/serial.sock,server=on,wait=off,logfile=/s/console.log,logappend=on
-serial chardev:serial0
-vnc unix:/s/vnc.sock,share=force-shared
-device VGA,vgamem_mb=16
-device qemu-xhci,id=usb
-device usb-tablet,bus=usb.0
-object rng-random,id=rng0,filename=/dev/urandom
-device virtio-rng-pci,rng=rng0
`.trim()

/** One option and its value a line. */
const lines = (args: readonly string[]) =>
  args
    .map((arg) => (arg.startsWith('-') ? `\n${arg}` : ` ${arg}`))
    .join('')
    .trim()

test('the command line of a guest, word for word', () => {
  assert.equal(lines(buildArguments(plan)), GOLDEN)
})

test('q35 has free ports to plug into, KVM gets the host processor, an agent its channel', () => {
  const text = lines(
    buildArguments({
      ...plan,
      machine: 'pc-q35-7.2',
      accel: { kind: 'kvm' },
      guestAgent: true,
      sandbox: false,
    }),
  )
  assert.equal(text.match(/-device pcie-root-port,/g)?.length, 5)
  assert.match(text, /-device virtio-net-pci,.*,bus=port0\n/)
  assert.match(text, /-accel kvm\n-cpu host\n/)
  assert.match(text, /virtserialport,bus=channels.0,chardev=agent,name=org.qemu.guest_agent.0/)
  assert.doesNotMatch(text, /-sandbox/)
})

test('no value of a request becomes an option of its own', () => {
  check(
    property(string(), (name) => {
      const [, named = ''] = buildArguments({ ...plan, name })
      const pieces = named.replaceAll(',,', '').split(',')
      assert.deepEqual(pieces.slice(1), ['debug-threads=on'])
    }),
  )
  assert.equal(options('head', { path: '/a,b', none: undefined, on: true }), 'head,path=/a,,b,on=on')
})

test("user networking gives the guest its port's address, and no address twice", () => {
  const address = (ip: string, gateway: string | null, cidr = '10.0.0.0/24') => {
    const [first] = vif.fixedIps
    assert.ok(first)
    const [, netdev = ''] = networkArguments(
      [{ ...vif, type: 'user', fixedIps: [{ ...first, address: ip, gateway, cidr }] }],
      'virtio',
    )
    return netdev
  }
  assert.equal(
    address('10.0.0.5', '10.0.0.1'),
    'user,id=net0,ipv6=off,net=10.0.0.0/24,host=10.0.0.1,dns=10.0.0.254,dhcpstart=10.0.0.5',
  )
  assert.equal(
    address('10.0.0.254', null),
    'user,id=net0,ipv6=off,net=10.0.0.0/24,host=10.0.0.1,dns=10.0.0.253,dhcpstart=10.0.0.254',
  )
  assert.match(address('10.0.0.1', null), /host=10.0.0.254,dns=10.0.0.253,dhcpstart=10.0.0.1$/)
  // A subnet with no room for QEMU's own addresses falls back to QEMU's.
  assert.equal(address('10.0.0.1', null, '10.0.0.0/31'), 'user,id=net0,ipv6=off')
})
