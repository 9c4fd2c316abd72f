/** Lists: what of the rows was asked for, in which order, and where the next page begins. Pure. */
import { badRequest } from '#lib/fault.ts'
import { type Call, isObject } from './routes/context.ts'

type Query = Readonly<Record<string, string>>
type Row = { readonly id: string; readonly metadata: string }

/** Parameters that are no filters. */
const PAGING = new Set([
  'limit',
  'marker',
  'offset',
  'sort',
  'sort_key',
  'sort_dir',
  'all_tenants',
  'with_count',
])
const MAX_LIMIT = 1000

export interface Page<R> {
  readonly rows: readonly R[]
  /** The last row's id, when more come after it. */
  readonly next: string | undefined
  /** How many there are on all pages. */
  readonly total: number
}

const COUNTED_SINCE = 45

/** `count` of a list on all its pages, for who asks for it. Throws a `badRequest` fault. */
export function countOf({ caller, query }: Call, total: number): { count?: number } {
  const asked = query['with_count']
  if (asked === undefined || caller.minor < COUNTED_SINCE) return {}
  if (!/^(true|false|[01tfyn]|yes|no|on|off)$/i.test(asked))
    throw badRequest(`Value '${asked.slice(0, 64)}' for 'with_count' is not a boolean.`)
  return /^(true|1|t|y|yes|on)$/i.test(asked) ? { count: total } : {}
}

/** `filters`: by parameter, what a row has there; other parameters are ignored, as Cinder does for users. */
export function pageOf<R extends Row>(
  rows: readonly R[],
  query: Query,
  filters: Readonly<Record<string, (row: R) => string | number | null>>,
): Page<R> {
  const wanted = Object.entries(query).filter(([name]) => !PAGING.has(name))
  const metadata = 'metadata' in query ? readMetadata(query['metadata'] ?? '') : {}
  const found = rows.filter(
    (row) =>
      wanted.every(([name, value]) => {
        const of = filters[name.replace(/~$/, '')]
        if (of === undefined) return true
        const own = String(of(row) ?? '')
        return name.endsWith('~') ? own.includes(value) : own.toLowerCase() === value.toLowerCase()
      }) && hasMetadata(row, metadata),
  )
  return cut(sorted(found, query), query)
}

/** Python's way of writing a dictionary is taken too: the client sends it. */
function readMetadata(text: string): Readonly<Record<string, unknown>> {
  try {
    const read: unknown = JSON.parse(text.replaceAll("'", '"'))
    return isObject(read) ? read : {}
  } catch {
    throw badRequest('Could not parse metadata filter')
  }
}

function hasMetadata(row: Row, wanted: Readonly<Record<string, unknown>>): boolean {
  const own = JSON.parse(row.metadata) as Readonly<Record<string, unknown>>
  return Object.entries(wanted).every(([key, value]) => own[key] === value)
}

const SORT_KEYS = new Set([
  'id',
  'name',
  'status',
  'size',
  'created_at',
  'updated_at',
  'bootable',
  'volume_id',
])

function sorted<R extends Row>(rows: readonly R[], query: Query): readonly R[] {
  const asked = query['sort'] ?? (query['sort_key'] && `${query['sort_key']}:${query['sort_dir'] ?? 'desc'}`)
  if (!asked) return rows
  const order = asked.split(',').map((part) => {
    const [key = '', direction = 'desc'] = part.trim().split(':')
    if (!SORT_KEYS.has(key)) throw badRequest(`Sort key '${key.slice(0, 64)}' is not valid.`)
    if (direction !== 'asc' && direction !== 'desc')
      throw badRequest(`Unknown sort direction, must be 'asc' or 'desc'.`)
    return { key: key as keyof R, sign: direction === 'asc' ? 1 : -1 }
  })
  return rows.toSorted((a, b) => {
    for (const { key, sign } of order) {
      const [one, other] = [a[key] ?? '', b[key] ?? '']
      if (one !== other) return one < other ? -sign : sign
    }
    return 0
  })
}

function cut<R extends Row>(rows: readonly R[], query: Query): Page<R> {
  const count = (name: string, most: number): number => {
    const text = query[name]
    if (text === undefined) return most
    if (!/^\d{1,9}$/.test(text)) throw badRequest(`${name} param must be an integer`)
    return Math.min(Number(text), most)
  }
  const limit = count('limit', MAX_LIMIT)
  const { marker } = query
  const at = marker === undefined ? -1 : rows.findIndex((row) => row.id === marker)
  if (marker !== undefined && at < 0) throw badRequest(`marker [${marker.slice(0, 64)}] not found`)
  const from = at + 1 + (query['offset'] === undefined ? 0 : count('offset', Number.MAX_SAFE_INTEGER))
  const page = rows.slice(from, from + limit)
  return {
    total: rows.length,
    rows: page,
    next: from + limit < rows.length && limit > 0 ? page.at(-1)?.id : undefined,
  }
}
