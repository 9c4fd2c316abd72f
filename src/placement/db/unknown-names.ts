/** Which custom traits or classes there are not. */
import { type Db, sharesLocks } from './providers.ts'

/** Those of the names without a row. The others stay until the transaction ends, as it is about to use them. */
export async function unknownNames(
  db: Db,
  table: 'placement_traits' | 'placement_resource_classes',
  names: readonly string[],
): Promise<string[]> {
  if (names.length === 0) return []
  const rows = await db
    .selectFrom(table)
    .select('name')
    .where('name', 'in', names)
    .$if(sharesLocks(db), (query) => query.forShare())
    .execute()
  const known = new Set(rows.map((row) => row.name))
  return names.filter((name) => !known.has(name))
}
