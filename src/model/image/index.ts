/** Images: what Glance says of one, as far as a compute needs it. */

export interface Image {
  readonly id: string
  readonly name: string | null
  readonly status:
    | 'queued'
    | 'saving'
    | 'active'
    | 'killed'
    | 'deleted'
    | 'pending_delete'
    | 'deactivated'
    | 'uploading'
    | 'importing'
  readonly visibility: 'public' | 'private' | 'shared' | 'community'
  readonly owner: string | null
  readonly diskFormat: string | null
  readonly containerFormat: string | null
  /** Bytes. */
  readonly size: number | null
  /** Bytes. */
  readonly virtualSize: number | null
  readonly minDiskGb: number
  readonly minRamMb: number
  readonly checksum: string | null
  readonly osHashAlgo: string | null
  readonly osHashValue: string | null
  /** Everything else: `hw_*`, `os_*`, and what the owner made up. */
  readonly properties: Readonly<Record<string, string>>
}
