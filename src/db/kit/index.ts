/** The kit under every store: opening SQLite or PostgreSQL, migrations, transactions, and where the two differ. */
export { assumeStatistics, columnTypes, type ColumnTypes, createAll } from './columns.ts'
export { compiledOnce } from './compiled.ts'
export { openDatabase, type Database, type FinishedQuery } from './database.ts'
export {
  type DialectName,
  dialectOf,
  inTransaction,
  isDatabaseAway,
  isListed,
  isOneOf,
  isUniqueViolation,
  listOf,
  lockName,
  lockRows,
  matches,
} from './dialect.ts'
export { insertTogether } from './insert-together.ts'
export { askRows, gathered, joined, onlyChecked } from './joined.ts'
export { createSharedTransactions, requireOwnTransaction } from './shared-transactions.ts'
export type { Migration } from './migrate.ts'
export { type Direction, keysetAfter, keysetOrder, type SortColumn } from './keyset.ts'
export { PLANNED_EACH_TIME } from './prepared.ts'
export { sharedRead } from './shared-read.ts'
export { newestOf, tablesVersion } from './version.ts'
