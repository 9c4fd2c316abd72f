/** Instances and flavors for the contract tests, full of values that are easy to lose. */
import { randomUUID } from 'node:crypto'
import type { NewInstance } from '#db/instances.ts'
import type { Flavor } from '#model/flavor/index.ts'
import type { Vif } from '#model/network/index.ts'

export const NANO: Flavor = {
  id: 7,
  flavorId: 'nano',
  name: 'm1.nano',
  vcpus: 2,
  memoryMb: 128,
  rootGb: 1,
  ephemeralGb: 0,
  swapMb: 0,
  rxtxFactor: 1.5,
  isPublic: true,
  disabled: false,
  description: null,
  extraSpecs: { 'hw:cpu_policy': 'shared' },
}

export const vifWith = (address: string, version: 4 | 6 = 4): Vif => ({
  id: randomUUID(),
  macAddress: 'fa:16:3e:00:00:01',
  network: { id: randomUUID(), label: 'private', mtu: 1450 },
  fixedIps: [
    {
      address,
      version,
      subnetId: randomUUID(),
      cidr: '10.0.0.0/24',
      gateway: '10.0.0.1',
      dns: [],
      routes: [],
      dhcpServer: null,
      floatingIps: ['172.24.4.7'],
    },
  ],
  type: 'bridge',
  vnicType: 'normal',
  devname: 'tap01',
  details: { port_filter: true },
  active: true,
  preexisting: false,
  tag: null,
})

/** An instance of a project of its own unless told otherwise. */
export const newInstance = (differs: Partial<NewInstance> = {}): NewInstance => ({
  uuid: randomUUID(),
  projectId: randomUUID(),
  userId: 'ada',
  displayName: 'zażółć 🐈',
  hostname: 'zazolc',
  vmState: 'active',
  imageRef: 'image-1',
  flavor: NANO,
  reservationId: 'r-1',
  ...differs,
})
