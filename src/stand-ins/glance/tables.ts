/** Glance's tables. Times are milliseconds since the epoch, flags 0 or 1. A deleted image leaves its row, so that its id is never given twice. */
import { columnTypes, createAll, type Migration } from '#db/kit/index.ts'

export type ImageStatus = 'queued' | 'saving' | 'active' | 'deactivated' | 'deleted'
export const VISIBILITIES = ['public', 'community', 'shared', 'private'] as const
export type Visibility = (typeof VISIBILITIES)[number]

export interface ImageRow {
  id: string
  name: string | null
  status: ImageStatus
  visibility: Visibility
  owner: string | null
  disk_format: string | null
  container_format: string | null
  /** Bytes. */
  size: number | null
  /** Bytes. */
  virtual_size: number | null
  /** GiB. */
  min_disk: number
  /** MiB. */
  min_ram: number
  protected: number
  os_hidden: number
  checksum: string | null
  os_hash_algo: string | null
  os_hash_value: string | null
  created_at: number
  updated_at: number
}

export const MEMBER_STATUSES = ['pending', 'accepted', 'rejected'] as const
export type MemberStatus = (typeof MEMBER_STATUSES)[number]

export interface MemberRow {
  image_id: string
  member_id: string
  status: MemberStatus
  created_at: number
  updated_at: number
}

export interface GlanceDb {
  glance_image: ImageRow
  glance_image_property: { image_id: string; name: string; value: string }
  glance_image_tag: { image_id: string; value: string }
  glance_image_member: MemberRow
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'tables',
    async up(db, dialect) {
      const { int, text, end } = columnTypes(dialect)
      await createAll(db, [
        `create table glance_image (id ${text} primary key, name ${text}, status ${text} not null,
          visibility ${text} not null, owner ${text}, disk_format ${text}, container_format ${text}, size ${int},
          virtual_size ${int}, min_disk ${int} not null, min_ram ${int} not null, protected ${int} not null,
          os_hidden ${int} not null, checksum ${text}, os_hash_algo ${text}, os_hash_value ${text},
          created_at ${int} not null, updated_at ${int} not null) ${end}`,
        `create index glance_image_created_at on glance_image (created_at, id)`,
        `create table glance_image_property (image_id ${text} not null, name ${text} not null, value ${text} not null,
          primary key (image_id, name)) ${end}`,
        `create table glance_image_tag (image_id ${text} not null, value ${text} not null,
          primary key (image_id, value)) ${end}`,
        `create table glance_image_member (image_id ${text} not null, member_id ${text} not null, status ${text} not null,
          created_at ${int} not null, updated_at ${int} not null, primary key (image_id, member_id)) ${end}`,
      ])
    },
  },
]
