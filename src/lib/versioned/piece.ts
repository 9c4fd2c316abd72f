/**
 * Pieces of a request's shape, with the versions at which they hold written beside the field. A piece
 * knows its JSON schema at every version, where that schema changes, and the type of what it accepts.
 */
import type { JsonSchema } from './json-schema.ts'
import {
  ALWAYS,
  edgesOf,
  includes,
  intersect,
  overlap,
  type Range,
  rangeOf,
  refuseOverlaps,
  versionOf,
  type Version,
} from './version.ts'

/** A shape. `T` is what it accepts at whatever version. */
export interface Piece<T> {
  readonly kind: 'piece'
  schemaAt(version: Version): JsonSchema
  readonly edges: readonly Version[]
  /** Only for the compiler. */
  readonly accepts?: T
}

/** A property of an object: which piece it takes at which versions, and whether it must be there. */
export interface Field<T, Required extends boolean> {
  readonly kind: 'field'
  readonly spans: readonly Span[]
  readonly accepts?: T
  readonly always?: Required
}

interface Span extends Range {
  readonly piece: Piece<unknown>
  readonly required: boolean
}

// biome-ignore lint: inference needs the widest of both
type AnyField = Piece<unknown> | Field<unknown, boolean>
type Fields = Readonly<Record<string, AnyField>>

export type Accepted<P> = P extends Piece<infer T> ? T : P extends Field<infer T, boolean> ? T : never

type RequiredNames<F extends Fields> = {
  [K in keyof F]: F[K] extends Field<unknown, true> ? K : never
}[keyof F]

/** What an object of these fields looks like: what is not required at all versions may be missing. */
export type ObjectOf<F extends Fields> = {
  readonly [K in RequiredNames<F>]: Accepted<F[K]>
} & { readonly [K in Exclude<keyof F, RequiredNames<F>>]?: Accepted<F[K]> | undefined }

/** The same shape at every version. */
export const constant = <T>(schema: JsonSchema): Piece<T> => ({
  kind: 'piece',
  schemaAt: () => schema,
  edges: [],
})

const spansOf = (field: AnyField): readonly Span[] =>
  field.kind === 'field' ? field.spans : [{ ...ALWAYS, piece: field, required: false }]

function limited<T>(field: AnyField, range: Range): Field<T, false> {
  const spans = spansOf(field)
    .filter((span) => overlap(span, range))
    .map((span) => ({ ...span, ...intersect(span, range) }))
  return { kind: 'field', spans }
}

/** The field must be there. */
export function required<T>(piece: Piece<T>): Field<T, true> {
  return { kind: 'field', spans: [{ ...ALWAYS, piece, required: true }] }
}

/** The field exists from this version on. */
export const since = <T>(version: string, field: Piece<T> | Field<T, boolean>): Field<T, false> =>
  limited(field, { from: versionOf(version), to: Infinity })

/** The field exists up to this version. */
export const until = <T>(version: string, field: Piece<T> | Field<T, boolean>): Field<T, false> =>
  limited(field, { from: -Infinity, to: versionOf(version) })

/** Different shapes in different ranges: `{ '..2.36': a, '2.37..': required(b) }`. Overlaps fail. */
export function during<R extends Fields>(ranges: R): Field<Accepted<R[keyof R]>, false> {
  const spans = Object.entries(ranges).flatMap(([range, field]) => limited(field, rangeOf(range)).spans)
  refuseOverlaps(Object.keys(ranges).join(', '), spans)
  return { kind: 'field', spans }
}

/** Required at all versions, but of a shape that differs. */
export function alwaysRequired<T>(field: Field<T, boolean>): Field<T, true> {
  return { kind: 'field', spans: field.spans.map((span) => ({ ...span, required: true })) }
}

export interface ObjectOptions {
  /** Unknown properties: refused (the default), accepted, or each of this shape. */
  readonly additional?: boolean | JsonSchema
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>
  readonly minProperties?: number
  readonly maxProperties?: number
  /** Any of these must hold as well. */
  readonly anyOf?: readonly JsonSchema[]
}

/** An object of these fields. */
export function object<F extends Fields>(fields: F, options: ObjectOptions = {}): Piece<ObjectOf<F>> {
  const entries = Object.entries(fields).map(([name, field]) => [name, spansOf(field)] as const)
  const { additional = false, ...rest } = options
  return {
    kind: 'piece',
    edges: entries.flatMap(([, spans]) => spans.flatMap((span) => [...edgesOf(span), ...span.piece.edges])),
    schemaAt(version) {
      const present = entries.flatMap(([name, spans]) =>
        spans.filter((span) => includes(span, version)).map((span) => ({ name, span })),
      )
      const names = present.filter(({ span }) => span.required).map(({ name }) => name)
      return {
        type: 'object',
        properties: Object.fromEntries(present.map(({ name, span }) => [name, span.piece.schemaAt(version)])),
        ...(names.length > 0 && { required: names }),
        additionalProperties: additional,
        ...rest,
      }
    },
  }
}

/** A body of one property that holds everything, as most have. */
export const wrapped = <K extends string, T>(name: K, piece: Piece<T>): Piece<{ readonly [P in K]: T }> =>
  object({ [name]: required(piece) }) as unknown as Piece<{ readonly [P in K]: T }>

/** A list. */
export const list = <T>(
  item: Piece<T>,
  options: { minItems?: number; maxItems?: number; uniqueItems?: boolean } = {},
): Piece<readonly T[]> => ({
  kind: 'piece',
  edges: item.edges,
  schemaAt: (version) => ({ type: 'array', items: item.schemaAt(version), ...options }),
})

type Combined<P extends readonly Piece<unknown>[]> = Accepted<P[number]>

/** Fits exactly one of the pieces. */
export const oneOf = <P extends readonly Piece<unknown>[]>(...pieces: P): Piece<Combined<P>> => ({
  kind: 'piece',
  edges: pieces.flatMap((piece) => piece.edges),
  schemaAt: (version) => ({ oneOf: pieces.map((piece) => piece.schemaAt(version)) }),
})

/** A list, or one of the words. */
export const listOr = <T, W extends string>(
  items: Piece<readonly T[]>,
  ...words: readonly W[]
): Piece<readonly T[] | W> => oneOf(items, constant<W>({ type: 'string', enum: words }))

/** A piece that differs by range where no object holds it: a whole body, an item of a list. Every version must have one. */
export function switched<R extends Readonly<Record<string, Piece<unknown>>>>(
  ranges: R,
): Piece<Accepted<R[keyof R]>> {
  const spans = Object.entries(ranges).map(([range, piece]) => ({ ...rangeOf(range), piece }))
  refuseOverlaps(Object.keys(ranges).join(', '), spans)
  return {
    kind: 'piece',
    edges: spans.flatMap((span) => [...edgesOf(span), ...span.piece.edges]),
    schemaAt(version) {
      const span = spans.find((candidate) => includes(candidate, version))
      if (!span) throw new Error(`${Object.keys(ranges).join(', ')}: no shape for this version`)
      return span.piece.schemaAt(version)
    },
  }
}
