/**
 * Operations: what one method of one path takes at each version, who may do it, and what success looks
 * like. Compiled once for each interval of constant shape, when the first request of it comes.
 */
import { compileSchema, type CheckOptions, type Problem } from './check.ts'
import type { JsonSchema } from './json-schema.ts'
import type { Piece } from './piece.ts'
import { ALWAYS, edgesOf, includes, perInterval, type Range, rangeOf, type Version } from './version.ts'

/** Named behaviours and the range in which each is on: handlers see names, never versions. */
export type Behaviours = Readonly<Record<string, string>>

export interface OperationSpec<Body, Query, B extends Behaviours> {
  /** `POST /servers/{id}/action`. */
  readonly path: string
  /** The body's only key, where many operations share a path. */
  readonly action?: string
  /** `2.26..`, `..2.35`; all versions when left out. Outside, the path is not there. */
  readonly versions?: string
  /** The rule that allows it, checked before anything is looked up. */
  readonly policy?: string
  /** 200 when left out; a record gives one for each range. */
  readonly status?: number | Readonly<Record<string, number>>
  readonly body?: Piece<Body>
  readonly query?: Piece<Query>
  /** `{ networksRequired: '2.37..' }`. */
  readonly behaviours?: B
}

export interface Operation<Body = unknown, Query = unknown, B extends Behaviours = Behaviours> {
  readonly method: string
  readonly path: string
  readonly action: string | undefined
  readonly policy: string | undefined
  readonly range: Range
  readonly spec: OperationSpec<Body, Query, B>
  statusAt(version: Version): number
  behavioursAt(version: Version): Readonly<Record<keyof B, boolean>>
  /** The first problem of the body, if any. With `strip`, unknown properties are removed from it. */
  checkBody(version: Version, body: unknown, options: CheckOptions): Problem | undefined
  checkQuery(version: Version, query: unknown): Problem | undefined
  bodySchemaAt(version: Version): JsonSchema | undefined
  querySchemaAt(version: Version): JsonSchema | undefined
}

export function operation<
  Body = undefined,
  Query = Readonly<Record<string, never>>,
  const B extends Behaviours = Readonly<Record<string, never>>,
>(spec: OperationSpec<Body, Query, B>): Operation<Body, Query, B> {
  const [method = '', path = ''] = spec.path.split(' ')
  const statuses =
    typeof spec.status === 'object'
      ? Object.entries(spec.status).map(([range, code]) => ({ ...rangeOf(range), code }))
      : []
  const behaviours = Object.entries(spec.behaviours ?? {}).map(
    ([name, range]) => [name, rangeOf(range)] as const,
  )
  const behavioursAt = perInterval(
    behaviours.flatMap(([, range]) => edgesOf(range)),
    (version) => Object.fromEntries(behaviours.map(([name, range]) => [name, includes(range, version)])),
  )
  const bodySchema = spec.body && schemasOf(spec.body)
  const querySchema = spec.query && schemasOf(spec.query)
  const bodyCheck = spec.body && checkerOf(spec.body)
  const queryCheck = spec.query && checkerOf(spec.query)
  return {
    method,
    path,
    action: spec.action,
    policy: spec.policy,
    range: spec.versions === undefined ? ALWAYS : rangeOf(spec.versions),
    spec,
    statusAt: (version) =>
      typeof spec.status === 'number'
        ? spec.status
        : (statuses.find((status) => includes(status, version))?.code ?? 200),
    behavioursAt: (version) => behavioursAt(version) as Readonly<Record<keyof B, boolean>>,
    checkBody: (version, body, options) => bodyCheck?.(version)(body, options),
    checkQuery: (version, query) => queryCheck?.(version)(query, { strip: false }),
    bodySchemaAt: (version) => bodySchema?.(version),
    querySchemaAt: (version) => querySchema?.(version),
  }
}

/** Asked for with each request. */
const schemasOf = (piece: Piece<unknown>) => perInterval(piece.edges, (version) => piece.schemaAt(version))

const checkerOf = (piece: Piece<unknown>) =>
  perInterval(piece.edges, (version) => compileSchema(piece.schemaAt(version)))
