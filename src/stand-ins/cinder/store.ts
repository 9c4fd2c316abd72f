/** Volumes, snapshots, attachments and types as rows, and the changes in which several of them must agree. */
import { type Database, inTransaction } from '#db/kit/index.ts'
import type { Kysely, Transaction } from 'kysely'
import type { AttachmentRow, CinderDb, SnapshotRow, TypeRow, VolumeRow } from './tables.ts'

export type Db = Kysely<CinderDb> | Transaction<CinderDb>

/** A volume with what belongs to it. */
export interface Volume {
  readonly row: VolumeRow
  readonly type: TypeRow | undefined
  readonly attachments: readonly AttachmentRow[]
}

export interface Store {
  readonly db: Kysely<CinderDb>
  transaction<T>(work: (trx: Transaction<CinderDb>) => Promise<T>): Promise<T>
}

export function createStore(database: Database): Store {
  const db = database.typed<CinderDb>()
  return { db, transaction: (work) => inTransaction(db, work) }
}

export const findVolumeRow = (db: Db, id: string): Promise<VolumeRow | undefined> =>
  db.selectFrom('cinder_volume').selectAll().where('id', '=', id).executeTakeFirst()

export const findSnapshotRow = (db: Db, id: string): Promise<SnapshotRow | undefined> =>
  db.selectFrom('cinder_snapshot').selectAll().where('id', '=', id).executeTakeFirst()

export const findAttachmentRow = (db: Db, id: string): Promise<AttachmentRow | undefined> =>
  db.selectFrom('cinder_attachment').selectAll().where('id', '=', id).executeTakeFirst()

/** Newest first. `projectId` undefined: of all projects. */
export function listVolumeRows(db: Db, projectId: string | undefined): Promise<VolumeRow[]> {
  const query = db.selectFrom('cinder_volume').selectAll().orderBy('created_at', 'desc').orderBy('id', 'desc')
  return (projectId === undefined ? query : query.where('project_id', '=', projectId)).execute()
}

export function listSnapshotRows(db: Db, projectId: string | undefined): Promise<SnapshotRow[]> {
  const query = db
    .selectFrom('cinder_snapshot')
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
  return (projectId === undefined ? query : query.where('project_id', '=', projectId)).execute()
}

/** In the order in which they were made. */
export function listAttachmentRows(db: Db, volumeIds: readonly string[]): Promise<AttachmentRow[]> {
  if (volumeIds.length === 0) return Promise.resolve([])
  return db
    .selectFrom('cinder_attachment')
    .selectAll()
    .where('volume_id', 'in', volumeIds)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

export const listTypes = (db: Db): Promise<TypeRow[]> =>
  db.selectFrom('cinder_type').selectAll().orderBy('name').execute()

/** By id, or by name. */
export const findType = (db: Db, named: string): Promise<TypeRow | undefined> =>
  db
    .selectFrom('cinder_type')
    .selectAll()
    .where((e) => e.or([e('id', '=', named), e('name', '=', named)]))
    .executeTakeFirst()

/** Fills in what belongs to the rows, in two queries. */
export async function completeVolumes(db: Db, rows: readonly VolumeRow[]): Promise<Volume[]> {
  if (rows.length === 0) return []
  const attachments = Map.groupBy(
    await listAttachmentRows(
      db,
      rows.map((row) => row.id),
    ),
    (attachment) => attachment.volume_id,
  )
  const types = new Map((await listTypes(db)).map((type) => [type.id, type]))
  return rows.map((row) => ({
    row,
    type: types.get(row.volume_type_id),
    attachments: attachments.get(row.id) ?? [],
  }))
}

export async function updateVolume(db: Db, id: string, changes: Partial<VolumeRow>, now: number) {
  await db
    .updateTable('cinder_volume')
    .set({ ...changes, updated_at: now })
    .where('id', '=', id)
    .execute()
}

/** A volume's status follows from its attachments: the furthest of them, `available` without any. */
export async function settleVolume(trx: Db, volumeId: string, now: number): Promise<void> {
  const rows = await listAttachmentRows(trx, [volumeId])
  const has = (status: string) => rows.some((row) => row.status === status)
  const status = has('attached')
    ? 'in-use'
    : has('attaching')
      ? 'attaching'
      : rows.length > 0
        ? 'reserved'
        : 'available'
  await updateVolume(trx, volumeId, { status }, now)
}
