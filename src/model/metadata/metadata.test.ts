/** Metadata as a guest reads it and as config drives hold it: which file and field came with which version. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Vif } from '#model/network/index.ts'
import {
  configDriveFiles,
  EC2_VERSIONS,
  ec2Tree,
  type MetadataSource,
  OPENSTACK_VERSIONS,
  openstackFiles,
  taggedDisks,
} from './index.ts'

const vif = (more: Partial<Vif> = {}, ip: Partial<Vif['fixedIps'][number]> = {}): Vif => ({
  id: '5ed1f2f0-0000-4000-8000-000000000001',
  macAddress: 'fa:16:3e:00:00:01',
  network: { id: 'net-1', label: 'private', mtu: 1450 },
  fixedIps: [
    {
      address: '10.0.0.5',
      version: 4,
      subnetId: 'subnet-1',
      cidr: '10.0.0.0/24',
      gateway: '10.0.0.1',
      dns: ['192.0.2.53'],
      routes: [{ cidr: '10.9.0.0/16', gateway: '10.0.0.9' }],
      dhcpServer: '10.0.0.2',
      floatingIps: ['172.24.4.7'],
      ...ip,
    },
  ],
  type: 'bridge',
  vnicType: 'normal',
  devname: 'tap5ed1f2f0-00',
  details: {},
  active: true,
  preexisting: false,
  tag: null,
  ...more,
})

const source = (more: Partial<MetadataSource> = {}): MetadataSource => ({
  uuid: 'b5c0b6f0-1111-4222-8333-444455556666',
  instanceName: 'instance-0000002a',
  name: 'My Server',
  hostname: 'my-server',
  domain: 'novalocal',
  projectId: 'p1',
  launchIndex: 3,
  availabilityZone: 'nova',
  reservationId: 'r-abc',
  metadata: { role: 'web' },
  flavorName: 'm1.nano',
  imageId: 'deadbeef-0000-4000-8000-000000000000',
  kernelId: '',
  ramdiskId: '',
  key: { name: 'mykey', data: 'ssh-ed25519 AAAA me' },
  userData: Buffer.from('#!/bin/sh\necho hi\n').toString('base64'),
  vifs: [vif()],
  disks: [],
  securityGroups: ['default', 'web'],
  rootDeviceName: '/dev/vda',
  adminPassword: null,
  files: [],
  randomSeed: 'c2VlZA==',
  vendorData: {},
  ...more,
})

const json = (files: ReturnType<typeof openstackFiles>, name: string) =>
  JSON.parse(String(files.get(name))) as Record<string, unknown>

describe('the OpenStack tree', () => {
  it('gains files with its versions', () => {
    const names = (version: string) => [...openstackFiles(source(), version).keys()]
    assert.deepEqual(names('2012-08-10'), ['meta_data.json', 'user_data'])
    assert.deepEqual(names('2013-10-17'), ['meta_data.json', 'user_data', 'vendor_data.json'])
    assert.ok(names('2015-10-15').includes('network_data.json'))
    assert.ok(!names('2016-06-30').includes('vendor_data2.json'))
    assert.ok(names('2016-10-06').includes('vendor_data2.json'))
    assert.ok(!openstackFiles(source({ userData: null }), '2025-04-04').has('user_data'))
  })

  it('gains fields with its versions', () => {
    const fields = (version: string) => Object.keys(json(openstackFiles(source(), version), 'meta_data.json'))
    assert.deepEqual(fields('2012-08-10'), [
      'uuid',
      'meta',
      'public_keys',
      'keys',
      'hostname',
      'name',
      'launch_index',
      'availability_zone',
    ])
    assert.ok(fields('2013-04-04').includes('random_seed'))
    assert.ok(fields('2015-10-15').includes('project_id'))
    assert.ok(fields('2016-06-30').includes('devices'))
    assert.ok(fields('2020-10-14').includes('dedicated_cpus'))
    const bare = json(openstackFiles(source({ key: null, metadata: {} }), '2012-08-10'), 'meta_data.json')
    assert.ok(!('keys' in bare) && !('meta' in bare) && !('admin_pass' in bare))
  })

  it('tells who the guest is', () => {
    const disks = taggedDisks([
      { volumeId: 'v1', deviceName: '/dev/vdb', tag: 'data' },
      { volumeId: 'v2', deviceName: '/dev/vdc', tag: null },
    ])
    const tagged = source({ vifs: [vif({ tag: 'uplink' })], disks, adminPassword: 'pw' })
    const told = json(openstackFiles(tagged, '2025-04-04'), 'meta_data.json')
    assert.deepEqual(
      [told['hostname'], told['name'], told['public_keys'], told['admin_pass']],
      ['my-server.novalocal', 'My Server', { mykey: 'ssh-ed25519 AAAA me' }, 'pw'],
    )
    assert.deepEqual(told['keys'], [{ name: 'mykey', type: 'ssh', data: 'ssh-ed25519 AAAA me' }])
    assert.deepEqual(told['devices'], [
      { type: 'nic', bus: 'none', address: 'none', mac: 'fa:16:3e:00:00:01', tags: ['uplink'] },
      { type: 'disk', bus: 'none', address: 'none', serial: 'v1', path: '/dev/vdb', tags: ['data'] },
    ])
  })

  it('describes networks by DHCP where there is a server, in full where there is none', () => {
    const data = (one: Vif) =>
      json(openstackFiles(source({ vifs: [one] }), '2025-04-04'), 'network_data.json')
    assert.deepEqual(data(vif()), {
      links: [
        {
          id: 'tap5ed1f2f0-00',
          vif_id: '5ed1f2f0-0000-4000-8000-000000000001',
          type: 'bridge',
          mtu: null,
          ethernet_mac_address: 'fa:16:3e:00:00:01',
        },
      ],
      networks: [{ id: 'network0', link: 'tap5ed1f2f0-00', network_id: 'net-1', type: 'ipv4_dhcp' }],
      services: [{ type: 'dns', address: '192.0.2.53' }],
    })
    const own = data(vif({}, { dhcpServer: null })) as {
      links: { mtu: number }[]
      networks: Record<string, unknown>[]
    }
    assert.equal(own.links[0]?.mtu, 1450)
    assert.deepEqual(own.networks[0], {
      id: 'network0',
      link: 'tap5ed1f2f0-00',
      network_id: 'net-1',
      type: 'ipv4',
      ip_address: '10.0.0.5',
      netmask: '255.255.255.0',
      routes: [
        { network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.0.0.1' },
        { network: '10.9.0.0', netmask: '255.255.0.0', gateway: '10.0.0.9' },
      ],
      services: [{ type: 'dns', address: '192.0.2.53' }],
    })
    assert.deepEqual(data(vif({ fixedIps: [] })), { links: [], networks: [], services: [] })
  })

  it('gives the operator’s data as it is, and as one provider’s of several', () => {
    const files = openstackFiles(source({ vendorData: { cloud: 'ours' } }), '2025-04-04')
    assert.deepEqual(json(files, 'vendor_data.json'), { cloud: 'ours' })
    assert.deepEqual(json(files, 'vendor_data2.json'), { static: { cloud: 'ours' } })
  })
})

describe("EC2's tree", () => {
  it('has Amazon’s names for things', () => {
    const tree = ec2Tree(source(), '2009-04-04')
    assert.deepEqual(
      { ...tree, 'public-keys': undefined },
      {
        'ami-id': 'ami-deadbeef',
        'ami-launch-index': 3,
        'ami-manifest-path': 'FIXME',
        'block-device-mapping': { ami: 'vda', root: '/dev/vda' },
        hostname: 'my-server.novalocal',
        'instance-action': 'none',
        'instance-id': 'i-0000002a',
        'instance-type': 'm1.nano',
        'local-hostname': 'my-server.novalocal',
        'local-ipv4': '10.0.0.5',
        placement: { 'availability-zone': 'nova' },
        'public-hostname': 'my-server.novalocal',
        'public-ipv4': '172.24.4.7',
        'public-keys': undefined,
        'reservation-id': 'r-abc',
        'security-groups': ['default', 'web'],
      },
    )
    assert.deepEqual(tree['public-keys'], { 0: { _name: '0=mykey', 'openssh-key': 'ssh-ed25519 AAAA me' } })
  })

  it('only ever gains with its versions', () => {
    const sizes = EC2_VERSIONS.map((version) => Object.keys(ec2Tree(source(), version)).length)
    assert.deepEqual(
      sizes,
      [...sizes].sort((a, b) => a - b),
    )
    assert.ok(!('public-ipv4' in ec2Tree(source(), '1.0')))
  })
})

describe('a config drive', () => {
  it('holds every version of the one and the newest of the other', () => {
    const files = configDriveFiles(source())
    const folders = new Set(Object.keys(files).map((path) => path.split('/').slice(0, 2).join('/')))
    assert.deepEqual(
      folders,
      new Set([
        'ec2/2009-04-04',
        'ec2/latest',
        ...[...OPENSTACK_VERSIONS, 'latest'].map((one) => `openstack/${one}`),
      ]),
    )
    assert.equal(String(files['openstack/latest/user_data']), '#!/bin/sh\necho hi\n')
    assert.equal(String(files['ec2/latest/user-data']), '#!/bin/sh\necho hi\n')
    assert.equal(files['openstack/latest/meta_data.json'], files['openstack/2025-04-04/meta_data.json'])
  })

  it('carries the files that the owner put into the guest, and says where they belong', () => {
    const sent = [
      { path: '/etc/motd', contents: Buffer.from('hello\n').toString('base64') },
      { path: '/root/raw', contents: Buffer.from([0, 255]).toString('base64') },
    ]
    const files = configDriveFiles(source({ files: sent, adminPassword: 'pw' }))
    const { files: listed, admin_pass: password } = JSON.parse(
      String(files['openstack/2012-08-10/meta_data.json']),
    ) as Record<string, unknown>
    assert.deepEqual(listed, [
      { path: '/etc/motd', content_path: '/content/0000' },
      { path: '/root/raw', content_path: '/content/0001' },
    ])
    assert.equal(password, 'pw')
    assert.equal(String(files['openstack/content/0000']), 'hello\n')
    assert.deepEqual(files['openstack/content/0001'], Buffer.from([0, 255]))
  })
})
