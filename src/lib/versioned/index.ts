/** Versioned APIs: shapes, operations and views whose fields carry the versions at which they hold. */
export { compileSchema, type Problem } from './check.ts'
export { readDateTime } from './formats.ts'
export type { JsonSchema } from './json-schema.ts'
export { operation, type Behaviours, type Operation } from './operation.ts'
export {
  type Accepted,
  alwaysRequired,
  constant,
  during,
  list,
  listOr,
  object,
  oneOf,
  type Piece,
  required,
  since,
  switched,
  until,
  wrapped,
} from './piece.ts'
export { repr, str } from './python.ts'
export { LIMIT, many, query, readQuery, single } from './query.ts'
export { isTrue, readBoolean, t } from './shapes.ts'
export {
  formatVersion,
  includes,
  overlap,
  rangeOf,
  readVersion,
  versionOf,
  type Version,
} from './version.ts'
export { nested, shownDuring, shownSince, shownUntil, view, type Show, type View } from './view.ts'
