/** Which custom traits or classes there are not. */
import { chunks } from './chunks.ts'
import { type Db, sharesLocks } from './providers.ts'

/** Those of the names without a row. The others stay until the transaction ends, as it is about to use them. */
export async function unknownNames(
  db: Db,
  table: 'placement_traits' | 'placement_resource_classes',
  names: readonly string[],
): Promise<string[]> {
  const known = new Set<string>()
  for (const some of chunks(names)) {
    const rows = await db
      .selectFrom(table)
      .select('name')
      .where('name', 'in', some)
      .$if(sharesLocks(db), (query) => query.forShare())
      .execute()
    for (const { name } of rows) known.add(name)
  }
  return names.filter((name) => !known.has(name))
}
