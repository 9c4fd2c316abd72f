/** Views: how a record looks in an answer, field by field, with the range in which each field is shown. */
import {
  ALWAYS,
  edgesOf,
  includes,
  perInterval,
  type Range,
  rangeOf,
  refuseOverlaps,
  versionOf,
  type Version,
} from './version.ts'

/** One value of the answer. Undefined leaves the field out. */
export type Show<Row, Context> = (row: Row, context: Context) => unknown

interface Shown<Row, Context> extends Range {
  readonly showAt: (version: Version) => Show<Row, Context>
  readonly edges: readonly Version[]
}

/** A field whose rendering depends on the version. */
export interface ShownField<Row, Context> {
  readonly spans: readonly Shown<Row, Context>[]
}

type FieldSpec<Row, Context> = Show<Row, Context> | ShownField<Row, Context>

const spansOf = <Row, Context>(field: FieldSpec<Row, Context>): readonly Shown<Row, Context>[] =>
  typeof field === 'function' ? [{ ...ALWAYS, showAt: () => field, edges: [] }] : field.spans

function limited<Row, Context>(field: FieldSpec<Row, Context>, range: Range): ShownField<Row, Context> {
  const spans = spansOf(field).map((span) => ({
    ...span,
    from: Math.max(span.from, range.from),
    to: Math.min(span.to, range.to),
  }))
  return { spans: spans.filter((span) => span.from <= span.to) }
}

/** Shown from this version on. */
export const shownSince = <Row, Context>(
  version: string,
  field: FieldSpec<Row, Context>,
): ShownField<Row, Context> => limited(field, { from: versionOf(version), to: Infinity })

/** Shown up to this version. */
export const shownUntil = <Row, Context>(
  version: string,
  field: FieldSpec<Row, Context>,
): ShownField<Row, Context> => limited(field, { from: -Infinity, to: versionOf(version) })

/** Shown differently in different ranges. Overlaps fail. */
export function shownDuring<Row, Context>(
  ranges: Readonly<Record<string, FieldSpec<Row, Context>>>,
): ShownField<Row, Context> {
  const spans = Object.entries(ranges).flatMap(([range, field]) => limited(field, rangeOf(range)).spans)
  refuseOverlaps(Object.keys(ranges).join(', '), spans)
  return { spans }
}

export interface View<Row, Context> {
  /** The function that renders a record at this version; made once for each interval. */
  at(version: Version): (row: Row, context: Context) => Readonly<Record<string, unknown>>
  readonly edges: readonly Version[]
}

/** A view of these fields, in this order. */
export function view<Row, Context = undefined>(
  fields: Readonly<Record<string, FieldSpec<Row, Context>>>,
): View<Row, Context> {
  const entries = Object.entries(fields).map(([name, field]) => [name, spansOf(field)] as const)
  const edges = entries.flatMap(([, spans]) => spans.flatMap((span) => [...edgesOf(span), ...span.edges]))
  const at = perInterval(edges, (version) => {
    const shown = entries.flatMap(([name, spans]) =>
      spans.filter((span) => includes(span, version)).map((span) => ({ name, show: span.showAt(version) })),
    )
    return renderer(shown)
  })
  return { at, edges }
}

function renderer<Row, Context>(shown: readonly { name: string; show: Show<Row, Context> }[]) {
  return (row: Row, context: Context): Record<string, unknown> => {
    const out: Record<string, unknown> = {}
    for (const { name, show } of shown) {
      const value = show(row, context)
      if (value !== undefined) out[name] = value
    }
    return out
  }
}

/** A field that is itself a view, of what `select` finds in the record. Undefined leaves it out. */
export function nested<Row, Context, Inner>(
  inner: View<Inner, Context>,
  select: (row: Row, context: Context) => Inner | undefined,
): ShownField<Row, Context> {
  const showAt = (version: Version): Show<Row, Context> => {
    const render = inner.at(version)
    return (row, context) => {
      const found = select(row, context)
      return found === undefined ? undefined : render(found, context)
    }
  }
  return { spans: [{ ...ALWAYS, showAt, edges: inner.edges }] }
}
