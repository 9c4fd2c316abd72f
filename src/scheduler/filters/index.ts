/** The filters. */
export { filtersOf, FORCED, OF_GROUPS } from './by-name.ts'
export type { Filter } from './filter.ts'
