/** Images as rows with their properties and tags. */
import type { Database } from '#db/kit/index.ts'
import { inTransaction, isUniqueViolation } from '#db/kit/index.ts'
import type { Kysely, Transaction } from 'kysely'
import type { GlanceDb, ImageRow, ImageStatus, MemberRow } from './tables.ts'

export interface Image {
  readonly row: ImageRow
  readonly properties: Readonly<Record<string, string>>
  readonly tags: readonly string[]
}

export interface Store {
  readonly db: Kysely<GlanceDb>
  /** Undefined when there is none, or none any more. */
  find(id: string): Promise<Image | undefined>
  /** Fills in what belongs to the rows, in two queries. */
  complete(rows: readonly ImageRow[]): Promise<Image[]>
  /** False when the id was ever used. */
  insert(image: Image): Promise<boolean>
  /** Writes row, properties and tags, when the row is as it was in `expect`; false when somebody else changed it meanwhile. */
  replace(image: Image, expect: ImageRow): Promise<boolean>
  /** Changes the row's columns, from one of the statuses only; false when it was in none of them. */
  change(id: string, from: readonly ImageStatus[], patch: Partial<ImageRow>): Promise<boolean>
  /** Leaves a mark that the id was used. */
  remove(id: string, now: number): Promise<void>
  members(imageId: string): Promise<MemberRow[]>
  /** Of these images, those that were shared with the project. */
  membershipsOf(projectId: string): Promise<MemberRow[]>
}

type Handle = Kysely<GlanceDb> | Transaction<GlanceDb>

export function createStore(database: Database): Store {
  const db = database.typed<GlanceDb>()
  const transaction = <T>(work: (trx: Transaction<GlanceDb>) => Promise<T>) => inTransaction(db, work)
  const complete = (rows: readonly ImageRow[]) => completeRows(db, rows)
  return {
    db,
    complete,
    async find(id) {
      const row = await db
        .selectFrom('glance_image')
        .selectAll()
        .where('id', '=', id)
        .where('status', '!=', 'deleted')
        .executeTakeFirst()
      return row && (await complete([row]))[0]
    },
    async insert(image) {
      try {
        await transaction(async (trx) => {
          await trx.insertInto('glance_image').values(image.row).execute()
          await writeParts(trx, image)
        })
        return true
      } catch (error) {
        if (isUniqueViolation(error)) return false
        throw error
      }
    },
    replace: (image, expect) =>
      transaction(async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('glance_image')
          .set(image.row)
          .where('id', '=', image.row.id)
          .where('status', '=', expect.status)
          .where('updated_at', '=', expect.updated_at)
          .executeTakeFirst()
        if (numUpdatedRows === 0n) return false
        await removeParts(trx, image.row.id)
        await writeParts(trx, image)
        return true
      }),
    async change(id, from, patch) {
      const { numUpdatedRows } = await db
        .updateTable('glance_image')
        .set(patch)
        .where('id', '=', id)
        .where('status', 'in', from)
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },
    remove: (id, now) =>
      transaction(async (trx) => {
        await trx
          .updateTable('glance_image')
          .set({ status: 'deleted', updated_at: now })
          .where('id', '=', id)
          .execute()
        await removeParts(trx, id)
        await trx.deleteFrom('glance_image_member').where('image_id', '=', id).execute()
      }),
    members: (imageId) =>
      db
        .selectFrom('glance_image_member')
        .selectAll()
        .where('image_id', '=', imageId)
        .orderBy('created_at')
        .orderBy('member_id')
        .execute(),
    membershipsOf: (projectId) =>
      db.selectFrom('glance_image_member').selectAll().where('member_id', '=', projectId).execute(),
  }
}

async function completeRows(db: Handle, rows: readonly ImageRow[]): Promise<Image[]> {
  if (rows.length === 0) return []
  const ids = rows.map((row) => row.id)
  const properties = await db
    .selectFrom('glance_image_property')
    .selectAll()
    .where('image_id', 'in', ids)
    .orderBy('name')
    .execute()
  const tags = await db
    .selectFrom('glance_image_tag')
    .selectAll()
    .where('image_id', 'in', ids)
    .orderBy('value')
    .execute()
  const propertiesOf = Map.groupBy(properties, (each) => each.image_id)
  const tagsOf = Map.groupBy(tags, (each) => each.image_id)
  return rows.map((row) => ({
    row,
    properties: Object.fromEntries((propertiesOf.get(row.id) ?? []).map(({ name, value }) => [name, value])),
    tags: (tagsOf.get(row.id) ?? []).map((tag) => tag.value),
  }))
}

async function writeParts(trx: Transaction<GlanceDb>, { row, properties, tags }: Image): Promise<void> {
  const named = Object.entries(properties).map(([name, value]) => ({ image_id: row.id, name, value }))
  if (named.length > 0) await trx.insertInto('glance_image_property').values(named).execute()
  const tagged = [...new Set(tags)].map((value) => ({ image_id: row.id, value }))
  if (tagged.length > 0) await trx.insertInto('glance_image_tag').values(tagged).execute()
}

async function removeParts(trx: Transaction<GlanceDb>, id: string): Promise<void> {
  await trx.deleteFrom('glance_image_property').where('image_id', '=', id).execute()
  await trx.deleteFrom('glance_image_tag').where('image_id', '=', id).execute()
}
