/** The EC2 tree of a guest's metadata, by version. */
import { fullHostname, type MetadataSource } from './source.ts'

/** A leaf's text, a list, or a folder. A folder's `_name` is how it is listed, where that differs from its name. */
export type Tree = string | number | readonly string[] | { readonly [name: string]: Tree }

/** Oldest first. `latest` is the last one. */
export const EC2_VERSIONS = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
] as const

type Entry = {
  readonly since: (typeof EC2_VERSIONS)[number]
  readonly value: (source: MetadataSource) => Tree | undefined
}

const fixedIpOf = ({ vifs }: MetadataSource) =>
  vifs.flatMap(({ fixedIps }) => fixedIps).find(({ version }) => version === 4)

/** `ami-` and eight digits, for guests that expect Amazon's form. */
const shortId = (prefix: string, uuid: string): string =>
  `${prefix}-${uuid.replaceAll('-', '').slice(0, 8).padStart(8, '0')}`

/** `i-0000002a` of `instance-0000002a`. */
const instanceId = ({ instanceName, uuid }: MetadataSource): string => {
  const digits = /[0-9a-f]{8}$/.exec(instanceName)?.[0]
  return digits === undefined ? shortId('i', uuid) : `i-${digits}`
}

const META_DATA: Readonly<Record<string, Entry>> = {
  'ami-id': { since: '1.0', value: ({ imageId }) => shortId('ami', imageId) },
  'ami-launch-index': { since: '1.0', value: ({ launchIndex }) => launchIndex },
  // Nova's own placeholder, word for word: nobody has such a manifest any more.
  'ami-manifest-path': { since: '1.0', value: () => 'FIXME' },
  'instance-id': { since: '1.0', value: instanceId },
  hostname: { since: '1.0', value: fullHostname },
  'local-ipv4': { since: '1.0', value: (source) => fixedIpOf(source)?.address ?? '' },
  'reservation-id': { since: '1.0', value: ({ reservationId }) => reservationId },
  'security-groups': { since: '1.0', value: ({ securityGroups }) => securityGroups },
  'public-keys': {
    since: '1.0',
    value: ({ key }) =>
      key === null ? undefined : { 0: { _name: `0=${key.name}`, 'openssh-key': key.data } },
  },
  'local-hostname': { since: '2007-01-19', value: fullHostname },
  'public-hostname': { since: '2007-01-19', value: fullHostname },
  'public-ipv4': { since: '2007-01-19', value: (source) => fixedIpOf(source)?.floatingIps[0] ?? '' },
  'instance-type': { since: '2007-08-29', value: ({ flavorName }) => flavorName },
  'block-device-mapping': {
    since: '2007-12-15',
    value: ({ rootDeviceName }) => ({ ami: rootDeviceName.replace('/dev/', ''), root: rootDeviceName }),
  },
  'kernel-id': {
    since: '2007-12-15',
    value: ({ kernelId }) => (kernelId === '' ? undefined : shortId('aki', kernelId)),
  },
  'ramdisk-id': {
    since: '2007-12-15',
    value: ({ ramdiskId }) => (ramdiskId === '' ? undefined : shortId('ari', ramdiskId)),
  },
  placement: {
    since: '2008-02-01',
    value: ({ availabilityZone }) => ({ 'availability-zone': availabilityZone ?? '' }),
  },
  'instance-action': { since: '2008-09-01', value: () => 'none' },
}

/** The `meta-data` folder of one version. */
export function ec2Tree(source: MetadataSource, version: string): { readonly [name: string]: Tree } {
  const at = EC2_VERSIONS.indexOf(version as (typeof EC2_VERSIONS)[number])
  const entries = Object.entries(META_DATA)
    .filter(([, { since }]) => EC2_VERSIONS.indexOf(since) <= at)
    .map(([name, { value }]) => [name, value(source)] as const)
    .filter((entry): entry is readonly [string, Tree] => entry[1] !== undefined)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
