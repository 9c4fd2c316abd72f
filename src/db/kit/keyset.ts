/**
 * Keyset paging: a page begins after a row's sort values, not at an offset, so page 1000 costs what
 * page 1 costs. Nulls count as smallest, in both databases.
 */
import { type RawBuilder, type SqlBool, sql } from 'kysely'

export type Direction = 'asc' | 'desc'

export interface SortColumn {
  /** A column, `table.column` when joined. The last column of a sort must be unique. */
  readonly column: string
  readonly direction: Direction
  readonly nullable?: boolean
}

/** What `orderBy` takes. */
export function keysetOrder(columns: readonly SortColumn[]): RawBuilder<unknown>[] {
  return columns.map(({ column, direction, nullable }) => {
    const nulls = nullable ? (direction === 'asc' ? ' nulls first' : ' nulls last') : ''
    return sql`${sql.ref(column)} ${sql.raw(direction + nulls)}`
  })
}

/** The rows that come after the one with these `values` (one for each column). */
export function keysetAfter(columns: readonly SortColumn[], values: readonly unknown[]): RawBuilder<SqlBool> {
  const [first] = columns
  if (first && columns.every(({ direction, nullable }) => !nullable && direction === first.direction)) {
    const refs = sql.join(columns.map(({ column }) => sql.ref(column)))
    return sql<SqlBool>`(${refs}) ${sql.raw(first.direction === 'asc' ? '>' : '<')} (${sql.join(values)})`
  }
  const branches = columns.map((column, depth) => {
    const equal = columns.slice(0, depth).map(({ column }, i) => sameAs(column, values[i]))
    return sql<SqlBool>`(${sql.join([...equal, beyond(column, values[depth])], sql` and `)})`
  })
  return sql<SqlBool>`(${sql.join(branches, sql` or `)})`
}

const sameAs = (column: string, value: unknown): RawBuilder<SqlBool> =>
  value === null ? sql`${sql.ref(column)} is null` : sql`${sql.ref(column)} = ${value}`

function beyond({ column, direction }: SortColumn, value: unknown): RawBuilder<SqlBool> {
  const ref = sql.ref(column)
  if (direction === 'asc') return value === null ? sql`${ref} is not null` : sql`${ref} > ${value}`
  return value === null ? sql`1 = 0` : sql`(${ref} < ${value} or ${ref} is null)`
}
