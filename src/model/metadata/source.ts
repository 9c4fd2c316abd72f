/** The facts about a guest that its metadata tells. */
import type { Vif } from '#model/network/index.ts'

/** A volume that its owner gave a tag. */
export interface TaggedDisk {
  readonly volumeId: string
  /** `/dev/vdb`, where one was named. */
  readonly path: string | null
  readonly tag: string
}

export interface MetadataSource {
  readonly uuid: string
  /** `instance-0000002a`. */
  readonly instanceName: string
  readonly name: string
  readonly hostname: string
  /** `[api] dhcp_domain`; empty for none. */
  readonly domain: string
  readonly projectId: string
  readonly launchIndex: number
  readonly availabilityZone: string | null
  readonly reservationId: string
  readonly metadata: Readonly<Record<string, string>>
  readonly flavorName: string
  readonly imageId: string
  readonly kernelId: string
  readonly ramdiskId: string
  readonly key: { readonly name: string; readonly data: string } | null
  /** Base64, as it was sent. */
  readonly userData: string | null
  readonly vifs: readonly Vif[]
  readonly disks: readonly TaggedDisk[]
  readonly securityGroups: readonly string[]
  readonly rootDeviceName: string
  /** Told on a config drive only. */
  readonly adminPassword: string | null
  /** Files that the owner put into the guest, on a config drive only; `contents` in base64. */
  readonly files: readonly { readonly path: string; readonly contents: string }[]
  /** 512 random bytes, base64, for the guest's pool of entropy. */
  readonly randomSeed: string
  /** What the operator tells every guest (`[api] vendordata_jsonfile_path`). */
  readonly vendorData: Readonly<Record<string, unknown>>
}

/** Of a guest's volumes those that carry a tag. */
export const taggedDisks = (
  volumes: readonly {
    readonly volumeId: string | null
    readonly deviceName: string | null
    readonly tag: string | null
  }[],
): readonly TaggedDisk[] =>
  volumes.flatMap(({ volumeId, deviceName, tag }) =>
    volumeId === null || tag === null ? [] : [{ volumeId, path: deviceName, tag }],
  )

export const fullHostname = ({ hostname, domain }: MetadataSource): string =>
  domain === '' ? hostname : `${hostname}.${domain}`

/** SSH keys and certificates are told apart by their look, as they are stored side by side. */
export const keyType = (data: string): 'ssh' | 'x509' => (data.includes('BEGIN CERTIFICATE') ? 'x509' : 'ssh')

/** Where a file stands below `openstack/`. */
export const contentName = (index: number): string => `content/${String(index).padStart(4, '0')}`

export const userDataBytes = (source: MetadataSource): Buffer | undefined =>
  source.userData === null ? undefined : Buffer.from(source.userData, 'base64')
