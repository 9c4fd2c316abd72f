/** A body that each operation takes at a version, and that can be done on the ground of `things.ts`. */
import { formatVersion, type Operation } from '#lib/versioned/index.ts'
import { IMAGE_ID } from '../functional/api/compute-api.ts'
import { keyOf } from '../parity/facts.ts'
import { smallest } from './smallest.ts'

const PUBLIC_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC0AAAcKFma3nz9qDGzc6WZJlicGDnLZI6GMbkZmod3D test'

type Make = (minor: number) => unknown

/** Where the smallest body of the schema is not good enough. */
const BODIES: Readonly<Record<string, Make>> = {
  'POST /servers': (minor) => ({
    server: { name: 's', imageRef: IMAGE_ID, flavorRef: '42', ...(minor >= 37 && { networks: 'none' }) },
  }),
  'PUT /servers/{}': () => ({ server: { name: 'renamed' } }),
  'POST /servers/{}/action#migrate': () => ({ migrate: null }),
  'POST /servers/{}/action#os-migrateLive': (minor) => ({
    'os-migrateLive':
      minor < 25
        ? { host: null, block_migration: false, disk_over_commit: false }
        : { host: null, block_migration: 'auto' },
  }),
  'POST /servers/{}/action#reboot': () => ({ reboot: { type: 'HARD' } }),
  'POST /servers/{}/action#os-getVNCConsole': () => ({ 'os-getVNCConsole': { type: 'novnc' } }),
  'POST /servers/{}/remote-consoles': () => ({ remote_console: { protocol: 'vnc', type: 'novnc' } }),
  'POST /servers/{}/metadata': () => ({ metadata: { a: 'b' } }),
  'PUT /servers/{}/metadata': () => ({ metadata: { a: 'b' } }),
  'PUT /servers/{}/metadata/{}': () => ({ meta: { k: 'w' } }),
  'PUT /servers/{}/tags': () => ({ tags: ['a', 'b'] }),
  'POST /flavors': () => ({ flavor: { name: 'f', ram: 1, vcpus: 1, disk: 1 } }),
  'POST /flavors/{}/os-extra_specs': () => ({ extra_specs: { 'hw:numa_nodes': '1' } }),
  'PUT /flavors/{}/os-extra_specs/{}': () => ({ 'hw:numa_nodes': '2' }),
  'POST /os-keypairs': () => ({ keypair: { name: 'other', public_key: PUBLIC_KEY } }),
  'PUT /os-services/{}': (minor) =>
    minor < 53 ? { host: 'h1', binary: 'nova-compute' } : { status: 'enabled' },
  'POST /os-server-groups': (minor) => ({
    server_group: minor < 64 ? { name: 'g', policies: ['affinity'] } : { name: 'g', policy: 'affinity' },
  }),
  'PUT /os-quota-sets/{}': () => ({ quota_set: { cores: 30 } }),
}

/** Undefined where none is taken. */
export function goodBody(operation: Operation, version: number): unknown {
  // `/os-volumes_boot` is another name of `/servers`.
  const make = BODIES[keyOf(operation).replace('/os-volumes_boot', '/servers')]
  if (make) return make(Number(formatVersion(version).split('.')[1]))
  const schema = operation.bodySchemaAt(version)
  if (schema) return smallest(schema)
  return operation.action === undefined ? undefined : { [operation.action]: null }
}
