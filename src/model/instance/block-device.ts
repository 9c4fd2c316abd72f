/** A disk of an instance, as it was asked for and as it is. */

export interface BlockDevice {
  readonly id: number
  readonly uuid: string
  readonly instanceUuid: string
  readonly sourceType: 'image' | 'volume' | 'snapshot' | 'blank'
  readonly destinationType: 'local' | 'volume'
  readonly imageId: string | null
  readonly volumeId: string | null
  readonly snapshotId: string | null
  readonly deviceName: string | null
  /** 0 is the root disk; null or negative cannot boot. */
  readonly bootIndex: number | null
  readonly volumeSizeGb: number | null
  readonly guestFormat: string | null
  readonly diskBus: string | null
  readonly deviceType: 'disk' | 'cdrom' | 'lun' | 'floppy' | null
  readonly deleteOnTermination: boolean
  readonly attachmentId: string | null
  readonly tag: string | null
  /** Of the volume that it is to become, by name; null is Cinder's default. */
  readonly volumeType: string | null
  readonly createdAt: number
  readonly updatedAt: number | null
}
