/** Cinder's tables. Times are milliseconds since the epoch, flags 0 or 1, metadata JSON objects. What is deleted leaves no row. */
import { columnTypes, createAll, type Migration } from '#db/kit/index.ts'
import type { Kysely } from 'kysely'

export interface VolumeRow {
  id: string
  project_id: string
  user_id: string
  name: string | null
  description: string | null
  status: string
  /** GiB. */
  size: number
  bootable: number
  multiattach: number
  readonly: number
  availability_zone: string
  volume_type_id: string
  snapshot_id: string | null
  source_volid: string | null
  metadata: string
  image_metadata: string
  created_at: number
  updated_at: number | null
}

export interface SnapshotRow {
  id: string
  project_id: string
  user_id: string
  volume_id: string
  name: string | null
  description: string | null
  status: string
  /** GiB. */
  size: number
  metadata: string
  created_at: number
  updated_at: number | null
}

export interface AttachmentRow {
  id: string
  volume_id: string
  instance_id: string | null
  /** `reserved`, `attaching`, `attached`. */
  status: string
  attach_mode: string | null
  host: string | null
  mountpoint: string | null
  /** JSON; empty before the host is known. */
  connection_info: string
  attached_at: number | null
  created_at: number
}

/** A volume that waits for another project. */
export interface TransferRow {
  id: string
  volume_id: string
  /** Whose the volume was when it was offered. */
  project_id: string
  name: string | null
  /** SHA-256 of the id and the key, in hex. */
  key_hash: string
  no_snapshots: number
  created_at: number
}

export interface TypeRow {
  id: string
  name: string
  description: string | null
  is_public: number
  extra_specs: string
}

export interface CinderDb {
  cinder_volume: VolumeRow
  cinder_snapshot: SnapshotRow
  cinder_attachment: AttachmentRow
  cinder_transfer: TransferRow
  cinder_type: TypeRow
  cinder_quota: { project_id: string; resource: string; hard_limit: number }
}

/** What a volume is that names no type. */
export const DEFAULT_TYPE = '__DEFAULT__'
const DEFAULT_TYPE_ID = 'b5a1b1de-5d57-4f9c-9c0e-6c2b5f1f0a01'

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'tables',
    async up(anyDb, dialect) {
      const db = anyDb as Kysely<CinderDb>
      const { int, text, end } = columnTypes(dialect)
      const own = `id ${text} primary key, project_id ${text} not null, user_id ${text} not null`
      const told = `name ${text}, description ${text}, status ${text} not null, size ${int} not null,
        metadata ${text} not null, created_at ${int} not null, updated_at ${int}`
      await createAll(db, [
        `create table cinder_volume (${own}, ${told}, bootable ${int} not null, multiattach ${int} not null,
          readonly ${int} not null, availability_zone ${text} not null, volume_type_id ${text} not null,
          snapshot_id ${text}, source_volid ${text}, image_metadata ${text} not null) ${end}`,
        `create index cinder_volume_project on cinder_volume (project_id)`,
        `create table cinder_snapshot (${own}, ${told}, volume_id ${text} not null) ${end}`,
        `create index cinder_snapshot_project on cinder_snapshot (project_id)`,
        `create index cinder_snapshot_volume on cinder_snapshot (volume_id)`,
        `create table cinder_attachment (id ${text} primary key, volume_id ${text} not null, instance_id ${text},
          status ${text} not null, attach_mode ${text}, host ${text}, mountpoint ${text},
          connection_info ${text} not null, attached_at ${int}, created_at ${int} not null) ${end}`,
        `create index cinder_attachment_volume on cinder_attachment (volume_id)`,
        `create table cinder_type (id ${text} primary key, name ${text} not null unique, description ${text},
          is_public ${int} not null, extra_specs ${text} not null) ${end}`,
        `create table cinder_quota (project_id ${text} not null, resource ${text} not null,
          hard_limit ${int} not null, primary key (project_id, resource)) ${end}`,
      ])
      await db
        .insertInto('cinder_type')
        .values({
          id: DEFAULT_TYPE_ID,
          name: DEFAULT_TYPE,
          description: 'Default Volume Type',
          is_public: 1,
          extra_specs: '{}',
        })
        .execute()
    },
  },
  {
    version: 2,
    name: 'transfers',
    async up(anyDb, dialect) {
      const { int, text, end } = columnTypes(dialect)
      await createAll(anyDb as Kysely<CinderDb>, [
        `create table cinder_transfer (id ${text} primary key, volume_id ${text} not null,
          project_id ${text} not null, name ${text}, key_hash ${text} not null, no_snapshots ${int} not null,
          created_at ${int} not null) ${end}`,
      ])
    },
  },
]
