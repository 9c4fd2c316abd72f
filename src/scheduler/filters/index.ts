/** The filters. */
export { filtersOf, FORCED } from './by-name.ts'
export type { Filter, Judge } from './filter.ts'
