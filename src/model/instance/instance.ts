/** An instance as it is stored: a plain, read-only record. */
import type { Flavor } from '#model/flavor/index.ts'
import type { Vif } from '#model/network/index.ts'
import type { PowerState, TaskState, VmState } from './states.ts'

/** Times are milliseconds since the Unix epoch. */
export interface Instance {
  readonly id: number
  readonly uuid: string
  readonly projectId: string
  readonly userId: string
  readonly displayName: string
  readonly displayDescription: string | null
  readonly hostname: string
  readonly vmState: VmState
  readonly taskState: TaskState | null
  readonly powerState: PowerState
  readonly progress: number
  readonly host: string | null
  readonly node: string | null
  /** The host the instance was first put on. */
  readonly launchedOn: string | null
  /** As asked for at create, or the host's once it is placed. */
  readonly availabilityZone: string | null
  /** Empty when booted from a volume. */
  readonly imageRef: string
  readonly kernelId: string
  readonly ramdiskId: string
  /** The flavor as it was at create. */
  readonly flavor: Flavor
  readonly keyName: string | null
  readonly keyData: string | null
  /** Base64, as it was sent. */
  readonly userData: string | null
  readonly configDrive: boolean
  readonly accessIpV4: string | null
  readonly accessIpV6: string | null
  readonly reservationId: string
  readonly launchIndex: number
  readonly metadata: Readonly<Record<string, string>>
  /** Nova's own notes: `image_*` properties of the image, and the like. */
  readonly systemMetadata: Readonly<Record<string, string>>
  readonly tags: readonly string[]
  readonly trustedCerts: readonly string[] | null
  readonly locked: boolean
  readonly lockedBy: 'owner' | 'admin' | null
  readonly lockedReason: string | null
  readonly rootDeviceName: string | null
  readonly autoDiskConfig: boolean
  readonly securityGroups: readonly string[]
  /** What is known of its network interfaces. */
  readonly networkInfo: readonly Vif[]
  readonly launchedAt: number | null
  readonly terminatedAt: number | null
  readonly createdAt: number
  readonly updatedAt: number | null
  readonly deletedAt: number | null
  readonly deleted: boolean
}

/** The name libvirt knows a guest by: Nova's `instance_name_template` default, `instance-%08x`. */
export const instanceName = (instance: Pick<Instance, 'id'>): string =>
  `instance-${instance.id.toString(16).padStart(8, '0')}`

/** Noted of a server that boots from a volume and names an image, too: the one that the volume was made of. */
export const BOOTS_FROM_VOLUME = 'boots_from_volume'

/** Whether its root disk is a volume. */
export const isVolumeBacked = ({
  imageRef,
  systemMetadata,
}: Pick<Instance, 'imageRef' | 'systemMetadata'>): boolean =>
  imageRef === '' || systemMetadata[BOOTS_FROM_VOLUME] !== undefined

export interface InstanceFault {
  readonly code: number
  readonly message: string
  readonly details: string | null
  readonly host: string | null
  readonly createdAt: number
}
