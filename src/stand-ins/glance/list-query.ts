/** `GET /v2/images`: the query read into filters, order and page, and made into SQL. */
import { badRequest } from '#lib/fault.ts'
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import type { Store } from './store.ts'
import { type GlanceDb, type ImageRow, MEMBER_STATUSES, VISIBILITIES } from './tables.ts'

export type Query = Readonly<Record<string, string | string[] | undefined>>
type Builder = ExpressionBuilder<GlanceDb, 'glance_image'>
type Filter = (e: Builder, value: string) => Expression<SqlBool>

const DEFAULT_LIMIT = 25
const MAX_LIMIT = 1000

const TEXT_COLUMNS = [
  'id',
  'name',
  'owner',
  'status',
  'disk_format',
  'container_format',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
] as const

/** `in:a,"b,c"` or a single value. */
function valuesOf(value: string): string[] {
  if (!value.startsWith('in:')) return [value]
  return [...value.slice(3).matchAll(/"([^"]*)"|([^,]+)/g)].map((match) => match[1] ?? match[2] ?? '')
}

function numberOf(name: string, value: string): number {
  if (!/^\d{1,15}$/.test(value))
    throw badRequest(`Invalid value for option ${name}: ${value} is not a whole number`)
  return Number(value)
}

function flagOf(name: string, value: string): number {
  const text = value.toLowerCase()
  if (['true', '1', 'yes', 'on', 't', 'y'].includes(text)) return 1
  if (['false', '0', 'no', 'off', 'f', 'n'].includes(text)) return 0
  throw badRequest(
    `Invalid value '${value}' for '${name}' filter. Valid values are case insensitive 'true' or 'false'.`,
  )
}

const COMPARISONS = { gt: '>', gte: '>=', lt: '<', lte: '<=', eq: '=', neq: '!=' } as const

/** `gt:2026-01-01T00:00:00Z`, or a time alone for equality. What is shown has no fractions, so seconds are compared. */
const timeFilter =
  (column: 'created_at' | 'updated_at'): Filter =>
  (e, value) => {
    const [, word = 'eq', time = ''] = /^(?:(gte|gt|lte|lt|eq|neq):)?(.*)$/.exec(value) ?? []
    const at = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(time) ? time : `${time}Z`)
    if (Number.isNaN(at)) throw badRequest(`Invalid time format for ${column}: ${value}`)
    const seconds = sql<number>`(${e.ref(column)} / 1000)`
    return sql<SqlBool>`${seconds} ${sql.raw(COMPARISONS[word as keyof typeof COMPARISONS])} ${Math.floor(at / 1000)}`
  }

const FILTERS: Readonly<Record<string, Filter>> = {
  ...Object.fromEntries(
    TEXT_COLUMNS.map((column): [string, Filter] => [column, (e, value) => e(column, 'in', valuesOf(value))]),
  ),
  protected: (e, value) => e('protected', '=', flagOf('protected', value)),
  min_ram: (e, value) => e('min_ram', '=', numberOf('min_ram', value)),
  min_disk: (e, value) => e('min_disk', '=', numberOf('min_disk', value)),
  size: (e, value) => e('size', '=', numberOf('size', value)),
  size_min: (e, value) => e('size', '>=', numberOf('size_min', value)),
  size_max: (e, value) => e('size', '<=', numberOf('size_max', value)),
  created_at: timeFilter('created_at'),
  updated_at: timeFilter('updated_at'),
  tag: (e, value) =>
    e('id', 'in', e.selectFrom('glance_image_tag').select('image_id').where('value', '=', value)),
}
/** Read elsewhere. */
const OTHERS = new Set([
  'limit',
  'marker',
  'sort_key',
  'sort_dir',
  'sort',
  'visibility',
  'member_status',
  'os_hidden',
])

const propertyFilter = (e: Builder, name: string, value: string): Expression<SqlBool> =>
  e(
    'id',
    'in',
    e
      .selectFrom('glance_image_property')
      .select('image_id')
      .where('name', '=', name)
      .where('value', '=', value),
  )

export interface Viewer {
  readonly projectId: string | null
  readonly isAdmin: boolean
}

/** What the viewer's list holds: its own, public ones, those it accepted; community's and hidden ones only when asked for. */
function visible(e: Builder, viewer: Viewer, query: Query): Expression<SqlBool> {
  const asked = one(query, 'visibility')
  if (asked !== undefined && asked !== 'all' && !(VISIBILITIES as readonly string[]).includes(asked))
    throw badRequest(`Invalid visibility value: ${asked}`)
  const ofKind =
    asked === undefined || asked === 'all'
      ? e.lit(true)
      : e('visibility', '=', asked as ImageRow['visibility'])
  if (viewer.isAdmin) return ofKind
  const project = viewer.projectId ?? ''
  const open: ImageRow['visibility'][] =
    asked === 'community' || asked === 'all' ? ['public', 'community'] : ['public']
  return e.and([
    ofKind,
    e.or([e('owner', '=', project), e('visibility', 'in', open), sharedWith(e, project, query)]),
  ])
}

function sharedWith(e: Builder, project: string, query: Query): Expression<SqlBool> {
  const status = one(query, 'member_status') ?? 'accepted'
  if (status !== 'all' && !(MEMBER_STATUSES as readonly string[]).includes(status))
    throw badRequest(`Invalid status: ${status}`)
  const memberships = e.selectFrom('glance_image_member').select('image_id').where('member_id', '=', project)
  const ids =
    status === 'all'
      ? memberships
      : memberships.where('status', '=', status as (typeof MEMBER_STATUSES)[number])
  return e.and([e('visibility', '=', 'shared'), e('id', 'in', ids)])
}

function one(query: Query, name: string): string | undefined {
  const value = query[name]
  return Array.isArray(value) ? value[0] : value
}
const many = (query: Query, name: string): string[] => [query[name] ?? []].flat()

/** Columns one may sort by, each with what an empty one counts as: NULLs sort differently in each database. */
const SORTABLE: Readonly<Record<string, '' | 0>> = {
  name: '',
  status: '',
  container_format: '',
  disk_format: '',
  id: '',
  size: 0,
  created_at: 0,
  updated_at: 0,
}

interface Order {
  readonly column: keyof ImageRow
  readonly direction: 'asc' | 'desc'
}

function orderOf(query: Query): Order[] {
  const pairs =
    one(query, 'sort')
      ?.split(',')
      .map((part) => part.split(':')) ?? []
  const keys = pairs.length > 0 ? pairs.map(([key = '']) => key) : many(query, 'sort_key')
  const directions =
    pairs.length > 0 ? pairs.map(([, direction]) => direction ?? 'desc') : many(query, 'sort_dir')
  const asked = keys.map((key, index) => {
    const direction = directions[index] ?? directions[0] ?? 'desc'
    if (!Object.hasOwn(SORTABLE, key))
      throw badRequest(
        `Invalid sort key: ${key}. It must be one of the following: ${Object.keys(SORTABLE).join(', ')}.`,
      )
    if (direction !== 'asc' && direction !== 'desc') throw badRequest(`Invalid sort direction: ${direction}`)
    return { column: key as keyof ImageRow, direction } as const
  })
  const ends: Order[] = [
    { column: 'created_at', direction: 'desc' },
    { column: 'id', direction: 'desc' },
  ]
  return [...asked, ...ends.filter((end) => !asked.some(({ column }) => column === end.column))]
}

const valueOf = (row: ImageRow, column: keyof ImageRow): string | number =>
  row[column] ?? SORTABLE[column] ?? ''
const cell = (e: Builder, column: keyof ImageRow) =>
  e.fn.coalesce(e.ref(column), e.val(SORTABLE[column] ?? ''))

/** After the marker in this order: equal in the first columns and further in the next one. */
function after(e: Builder, marker: ImageRow, order: readonly Order[]): Expression<SqlBool> {
  return e.or(
    order.map(({ column, direction }, index) =>
      e.and([
        ...order
          .slice(0, index)
          .map((before) => e(cell(e, before.column), '=', valueOf(marker, before.column))),
        e(cell(e, column), direction === 'asc' ? '>' : '<', valueOf(marker, column)),
      ]),
    ),
  )
}

export interface Page {
  readonly rows: readonly ImageRow[]
  /** More follow. */
  readonly hasMore: boolean
}

/** One page of what the viewer may see. Throws `badRequest` faults; an unknown marker is one. */
export async function listImages(
  store: Store,
  viewer: Viewer,
  query: Query,
  findMarker: (id: string) => Promise<ImageRow | undefined>,
): Promise<Page> {
  const limit = Math.min(numberOf('limit', one(query, 'limit') ?? String(DEFAULT_LIMIT)), MAX_LIMIT)
  const order = orderOf(query)
  const markerId = one(query, 'marker')
  const marker = markerId === undefined ? undefined : await findMarker(markerId)
  if (markerId !== undefined && marker === undefined)
    throw badRequest(`Marker ${markerId.slice(0, 64)} could not be found.`)
  let select = store.db
    .selectFrom('glance_image')
    .selectAll()
    .where('status', '!=', 'deleted')
    .where('os_hidden', '=', flagOf('os_hidden', one(query, 'os_hidden') ?? 'false'))
    .where((e) => visible(e, viewer, query))
    .where((e) => e.and(filtersOf(e, query)))
  if (marker !== undefined) select = select.where((e) => after(e, marker, order))
  for (const { column, direction } of order) select = select.orderBy((e) => cell(e, column), direction)
  const rows = await select.limit(limit + 1).execute()
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit && limit > 0 }
}

function filtersOf(e: Builder, query: Query): Expression<SqlBool>[] {
  return Object.keys(query)
    .filter((name) => !OTHERS.has(name))
    .flatMap((name) =>
      many(query, name).map((value) => {
        if (value.includes('\0') || name.includes('\0'))
          throw badRequest(`Invalid value for the ${name.replaceAll('\0', '')} filter.`)
        return Object.hasOwn(FILTERS, name) && FILTERS[name]
          ? FILTERS[name](e, value)
          : propertyFilter(e, name, value)
      }),
    )
}
