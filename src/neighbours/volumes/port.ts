/**
 * Cinder, as far as Kilonova needs it. Methods with a `caller` act with the caller's rights, in its project;
 * attachments are made and removed as the service user, who may attach any project's volume.
 */
import type { Caller } from '#neighbours/networks/port.ts'

export type { Caller }

export interface VolumeAttachment {
  readonly id: string
  readonly serverId: string
  readonly device: string | null
}

export interface Volume {
  readonly id: string
  readonly name: string | null
  readonly description: string | null
  /** `available`, `in-use`, `reserved`, `creating`, `error` and so on. */
  readonly status: string
  readonly sizeGb: number
  readonly availabilityZone: string | null
  readonly volumeType: string | null
  readonly snapshotId: string | null
  readonly bootable: boolean
  readonly multiattach: boolean
  readonly encrypted: boolean
  readonly metadata: Readonly<Record<string, string>>
  /** Of the image it was made from: what an instance booted from it remembers. */
  readonly imageMetadata: Readonly<Record<string, string>>
  /** Whether the attachments were made by the attachments API. */
  readonly attachments: readonly VolumeAttachment[]
  /** As Cinder writes it: an ISO time without a zone. */
  readonly createdAt: string
}

export interface VolumeType {
  readonly id: string
  readonly name: string
}

export interface Snapshot {
  readonly id: string
  readonly name: string | null
  readonly description: string | null
  readonly status: string
  readonly volumeId: string
  readonly sizeGb: number
  readonly createdAt: string
}

export interface VolumeWish {
  /** Left out: that of the snapshot or volume it is made of. */
  readonly sizeGb?: number
  readonly name?: string | null
  readonly description?: string | null
  readonly volumeType?: string | null
  readonly availabilityZone?: string | null
  readonly metadata?: Readonly<Record<string, string>>
  readonly snapshotId?: string | null
  readonly imageId?: string | null
}

/** How the volume is reached from the host it is attached to: Cinder's `connection_info`. */
export interface Connection {
  /** `iscsi`, `rbd`, `local` … */
  readonly driverVolumeType: string
  readonly data: Readonly<Record<string, unknown>>
}

/** What Cinder is told of a host. */
export interface Connector {
  readonly host: string
  readonly ip: string
  readonly initiator?: string
  readonly mountpoint?: string
}

export interface Attachment {
  readonly id: string
  readonly volumeId: string
  readonly instanceUuid: string | null
  /** `reserved`, `attaching`, `attached`. */
  readonly status: string
  readonly connection: Connection | null
}

export interface Volumes {
  find(id: string, caller: Caller): Promise<Volume | undefined>
  list(caller: Caller): Promise<readonly Volume[]>
  /** Throws Cinder's own refusal: over quota is `tooLarge`, a bad wish `badRequest`. The volume is `creating`. */
  create(wish: VolumeWish, caller: Caller): Promise<Volume>
  remove(id: string, caller: Caller): Promise<void>
  /** The caller's project's with all of this metadata. */
  listMarked(metadata: Readonly<Record<string, string>>, caller: Caller): Promise<readonly Volume[]>
  /** The types that the caller may use. */
  listTypes(caller: Caller): Promise<readonly VolumeType[]>
  findSnapshot(id: string, caller: Caller): Promise<Snapshot | undefined>
  listSnapshots(caller: Caller): Promise<readonly Snapshot[]>
  createSnapshot(
    wish: { volumeId: string; name: string | null; description: string | null; force: boolean },
    caller: Caller,
  ): Promise<Snapshot>
  removeSnapshot(id: string, caller: Caller): Promise<void>

  /** Says that the volume is being detached, or is after all not; while it is, nobody else begins to. */
  beginDetaching(id: string, caller: Caller): Promise<void>
  rollDetaching(id: string): Promise<void>

  /** As the service user sees it. */
  findAsService(id: string): Promise<Volume | undefined>
  /** As the service user, for volumes that end with their server. Nothing there is success. */
  removeAsService(id: string): Promise<void>
  /** Reserves a volume for an instance and answers the attachment's id. Throws `badRequest` when the volume is not free. */
  reserve(volumeId: string, instanceUuid: string): Promise<Attachment>
  /** Tells Cinder where the volume will be used; the answer says how to reach it. */
  connect(attachmentId: string, connector: Connector, device: string | null): Promise<Attachment>
  /** The host uses the volume: it becomes `in-use`. */
  complete(attachmentId: string): Promise<void>
  findAttachment(attachmentId: string): Promise<Attachment | undefined>
  /** All of a volume. */
  listAttachments(volumeId: string): Promise<readonly Attachment[]>
  /** Everybody's that were reserved and told no host yet. */
  listReservations(): Promise<readonly Attachment[]>
  /** Detaches. Nothing there is success. */
  release(attachmentId: string): Promise<void>
}
