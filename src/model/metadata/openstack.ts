/** The OpenStack tree of a guest's metadata: files by version, each version with all of the ones before. */
import { networkData } from './network-data.ts'
import { contentName, fullHostname, keyType, type MetadataSource, userDataBytes } from './source.ts'

const FOLSOM = '2012-08-10'
const GRIZZLY = '2013-04-04'
const HAVANA = '2013-10-17'
const LIBERTY = '2015-10-15'
const NEWTON_ONE = '2016-06-30'
const NEWTON_TWO = '2016-10-06'

/** Oldest first. `latest` is the last one. */
export const OPENSTACK_VERSIONS = [
  FOLSOM,
  GRIZZLY,
  HAVANA,
  LIBERTY,
  NEWTON_ONE,
  NEWTON_TWO,
  '2017-02-22',
  '2018-08-27',
  '2020-10-14',
  '2025-04-04',
] as const

type Content = string | Buffer
type File = {
  readonly since: string
  readonly content: (source: MetadataSource, version: string) => Content | undefined
}

const FILES: Readonly<Record<string, File>> = {
  'meta_data.json': {
    since: FOLSOM,
    content: (source, version) => JSON.stringify(metaData(source, version)),
  },
  user_data: { since: FOLSOM, content: userDataBytes },
  'vendor_data.json': { since: HAVANA, content: ({ vendorData }) => JSON.stringify(vendorData) },
  'network_data.json': { since: LIBERTY, content: ({ vifs }) => JSON.stringify(networkData(vifs)) },
  'vendor_data2.json': {
    since: NEWTON_TWO,
    content: ({ vendorData }) => JSON.stringify({ static: vendorData }),
  },
}

/** Devices that carry a tag, so that the guest can tell which is which. */
const devices = ({ vifs, disks }: MetadataSource): readonly object[] => [
  ...vifs
    .filter(({ tag }) => tag !== null)
    .map(({ macAddress, tag }) => ({
      type: 'nic',
      bus: 'none',
      address: 'none',
      mac: macAddress,
      tags: [tag],
    })),
  ...disks.map(({ volumeId, path, tag }) => ({
    type: 'disk',
    bus: 'none',
    address: 'none',
    serial: volumeId,
    path,
    tags: [tag],
  })),
]

/** Where each of the owner's files belongs, and where it is till then. */
const filesOf = ({ files }: MetadataSource): readonly object[] | undefined =>
  files.length === 0
    ? undefined
    : files.map(({ path }, index) => ({ path, content_path: `/${contentName(index)}` }))

type Field = { readonly since: string; readonly value: (source: MetadataSource) => unknown }

/** Fields of meta_data.json; an undefined value is left out. */
const META_DATA: Readonly<Record<string, Field>> = {
  uuid: { since: FOLSOM, value: ({ uuid }) => uuid },
  meta: { since: FOLSOM, value: ({ metadata }) => (Object.keys(metadata).length > 0 ? metadata : undefined) },
  files: { since: FOLSOM, value: filesOf },
  public_keys: { since: FOLSOM, value: ({ key }) => (key ? { [key.name]: key.data } : undefined) },
  keys: {
    since: FOLSOM,
    value: ({ key }) => (key ? [{ name: key.name, type: keyType(key.data), data: key.data }] : undefined),
  },
  hostname: { since: FOLSOM, value: fullHostname },
  name: { since: FOLSOM, value: ({ name }) => name },
  launch_index: { since: FOLSOM, value: ({ launchIndex }) => launchIndex },
  availability_zone: { since: FOLSOM, value: ({ availabilityZone }) => availabilityZone },
  admin_pass: { since: FOLSOM, value: ({ adminPassword }) => adminPassword ?? undefined },
  random_seed: { since: GRIZZLY, value: ({ randomSeed }) => randomSeed },
  project_id: { since: LIBERTY, value: ({ projectId }) => projectId },
  devices: { since: NEWTON_ONE, value: devices },
  dedicated_cpus: { since: '2020-10-14', value: () => [] },
}

function metaData(source: MetadataSource, version: string): Record<string, unknown> {
  const fields = Object.entries(META_DATA)
    .filter(([, { since }]) => since <= version)
    .map(([name, { value }]) => [name, value(source)] as const)
    .filter(([, value]) => value !== undefined)
  return Object.fromEntries(fields)
}

/** The files of one version, by name, in Nova's order. */
export function openstackFiles(source: MetadataSource, version: string): Map<string, Content> {
  const files = new Map<string, Content>()
  for (const [name, { since, content }] of Object.entries(FILES)) {
    const value = since <= version ? content(source, version) : undefined
    if (value !== undefined) files.set(name, value)
  }
  return files
}
