/** Rows of any of Keystone's tables that have an `id`, for the nouns that are only kept and shown. */
import { isUniqueViolation } from '#db/kit/index.ts'
import type { Kysely, Transaction } from 'kysely'
import type { KeystoneDb } from './tables.ts'

export type Cell = string | number | null
export type LooseRow = Readonly<Record<string, Cell>>

/** Tables whose rows have an `id` and an `extra`. */
export type NounTable = {
  [T in keyof KeystoneDb]: KeystoneDb[T] extends { id: string; extra: string } ? T : never
}[keyof KeystoneDb]

export interface Rows<Row extends LooseRow> {
  find(id: string, fixed: LooseRow): Promise<Row | undefined>
  list(where: LooseRow): Promise<Row[]>
  /** False when its name, or whatever else is unique, is taken. */
  insert(row: LooseRow): Promise<boolean>
  update(id: string, patch: LooseRow): Promise<boolean>
}

/** The one place where a table is chosen at run time; what goes in was checked against the noun's columns. */
export function rowsOf<Row extends LooseRow>(
  db: Kysely<KeystoneDb> | Transaction<KeystoneDb>,
  table: NounTable,
): Rows<Row> {
  const loose = db as unknown as Kysely<Record<string, Record<string, Cell>>>
  const select = (where: LooseRow) =>
    Object.entries(where).reduce(
      (query, [column, value]) => query.where(column, value === null ? 'is' : '=', value),
      loose.selectFrom(table).selectAll(),
    )
  return {
    find: async (id, fixed) => (await select({ ...fixed, id }).executeTakeFirst()) as Row | undefined,
    list: async (where) => (await select(where).orderBy('id').execute()) as Row[],
    insert: (row) =>
      unlessTaken(
        loose
          .insertInto(table)
          .values({ ...row })
          .execute(),
      ),
    update: async (id, patch) =>
      Object.keys(patch).length === 0 ||
      unlessTaken(
        loose
          .updateTable(table)
          .set({ ...patch })
          .where('id', '=', id)
          .execute(),
      ),
  }
}

async function unlessTaken(work: Promise<unknown>): Promise<boolean> {
  try {
    await work
    return true
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
}
