/** Lists: filters on any attribute, chosen fields, sorting, and pages with links to the next. */
import { badRequest } from '#lib/fault.ts'
import { flag, Refused } from './attributes.ts'

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>
type View = Readonly<Record<string, unknown>>

export const values = (query: Query, key: string): string[] => [query[key] ?? []].flat()

const SPECIAL = new Set([
  'fields',
  'limit',
  'marker',
  'sort_key',
  'sort_dir',
  'page_reverse',
  'tags',
  'tags-any',
  'not-tags',
  'not-tags-any',
  'project_id',
  'tenant_id',
  'fixed_ips',
  'security_groups',
])

/** The items that every filter lets through; of one filter's values, any will do. */
export function filterViews(views: readonly View[], query: Query): View[] {
  const plain = Object.keys(query).filter((key) => !SPECIAL.has(key))
  const projects = [...values(query, 'project_id'), ...values(query, 'tenant_id')]
  return views.filter(
    (view) =>
      plain.every((key) => values(query, key).some((wanted) => equals(view[key], wanted))) &&
      (projects.length === 0 || projects.includes(String(view['project_id']))) &&
      matchesTags(view, query) &&
      matchesFixedIps(view, values(query, 'fixed_ips')) &&
      matchesGroups(view, values(query, 'security_groups')),
  )
}

/** A number or string as text; anything else as JSON. */
const plainText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

function equals(value: unknown, wanted: string): boolean {
  if (typeof value === 'boolean') {
    const asked = flag(wanted)
    return !(asked instanceof Refused) && asked === value
  }
  if (value === null || value === undefined) return wanted === '' || wanted === 'None' || wanted === 'null'
  if (Array.isArray(value)) return value.includes(wanted)
  return plainText(value) === wanted
}

function matchesTags(view: View, query: Query): boolean {
  const tags = (view['tags'] ?? []) as readonly string[]
  const asked = (key: string) => values(query, key).flatMap((one) => one.split(','))
  const has = (tag: string) => tags.includes(tag)
  return (
    asked('tags').every(has) &&
    (asked('tags-any').length === 0 || asked('tags-any').some(has)) &&
    (asked('not-tags').length === 0 || !asked('not-tags').every(has)) &&
    !asked('not-tags-any').some(has)
  )
}

/** `fixed_ips=ip_address=10.0.0.3`, `fixed_ips=subnet_id=…`: addresses are alternatives, and so are subnets. */
function matchesFixedIps(view: View, filters: readonly string[]): boolean {
  const ips = (view['fixed_ips'] ?? []) as readonly Readonly<Record<string, string>>[]
  const wanted = (key: string) =>
    filters.filter((one) => one.startsWith(`${key}=`)).map((one) => one.slice(key.length + 1))
  const fits = (key: string, attribute: string, test: (a: string, b: string) => boolean) => {
    const asked = wanted(key)
    return asked.length === 0 || ips.some((ip) => asked.some((one) => test(ip[attribute] ?? '', one)))
  }
  return (
    fits('ip_address', 'ip_address', (a, b) => a === b) &&
    fits('subnet_id', 'subnet_id', (a, b) => a === b) &&
    fits('ip_address_substr', 'ip_address', (a, b) => a.includes(b))
  )
}

const matchesGroups = (view: View, wanted: readonly string[]): boolean =>
  wanted.length === 0 ||
  wanted.some((id) => ((view['security_groups'] ?? []) as readonly string[]).includes(id))

export interface Page {
  readonly items: readonly View[]
  readonly links: readonly { readonly rel: 'next' | 'previous'; readonly href: string }[]
}

/** One page of the sorted list. `url` is the list's own, without a query. Throws 400 for a bad limit, marker or sort key. */
export function pageOf(views: readonly View[], query: Query, url: string): Page {
  const sorted = sortViews(views, query)
  const limit = limitOf(query)
  const reverse = values(query, 'page_reverse').some((one) => one.toLowerCase() === 'true')
  const marker = values(query, 'marker')[0]
  const at = marker === undefined ? undefined : sorted.findIndex((view) => view['id'] === marker)
  if (at === -1)
    throw badRequest(`Invalid input for operation: marker ${marker ?? ''} could not be found.`, {
      code: 'InvalidInput',
    })
  const rest = at === undefined ? sorted : reverse ? sorted.slice(0, at) : sorted.slice(at + 1)
  if (limit === undefined) return { items: rest, links: [] }
  const items = reverse ? rest.slice(-limit) : rest.slice(0, limit)
  return { items, links: linksOf(sorted, items, query, url) }
}

function linksOf(sorted: readonly View[], items: readonly View[], query: Query, url: string): Page['links'] {
  const [first, last] = [items[0], items.at(-1)]
  if (!first || !last) return []
  const links: { rel: 'next' | 'previous'; href: string }[] = []
  if (sorted.at(-1) !== last) links.push({ rel: 'next', href: `${url}?${pageQuery(query, last, false)}` })
  if (sorted[0] !== first) links.push({ rel: 'previous', href: `${url}?${pageQuery(query, first, true)}` })
  return links
}

function pageQuery(query: Query, at: View, reverse: boolean): string {
  const params = new URLSearchParams()
  for (const key of Object.keys(query))
    if (key !== 'marker' && key !== 'page_reverse')
      for (const value of values(query, key)) params.append(key, value)
  params.append('marker', String(at['id']))
  if (reverse) params.append('page_reverse', 'True')
  return params.toString()
}

function limitOf(query: Query): number | undefined {
  const text = values(query, 'limit')[0]
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text))
    throw badRequest(`Limit must be an integer 0 or greater and not '${text}'`, { code: 'HTTPBadRequest' })
  return Number(text) === 0 ? undefined : Number(text)
}

function sortViews(views: readonly View[], query: Query): View[] {
  const keys = values(query, 'sort_key')
  const directions = values(query, 'sort_dir')
  if (
    directions.some((one) => one !== 'asc' && one !== 'desc') ||
    (directions.length > 0 && directions.length !== keys.length)
  )
    throw badRequest('The number of sort_keys and sort_dirs must be same, each asc or desc', {
      code: 'HTTPBadRequest',
    })
  const bad = keys.find(
    (key) =>
      views[0] !== undefined &&
      (!(key in views[0]) || (typeof views[0][key] === 'object' && views[0][key] !== null)),
  )
  if (bad !== undefined)
    throw badRequest(`${bad} is invalid attribute for sort_key`, { code: 'HTTPBadRequest' })
  return [...views].sort((a, b) => {
    for (const [i, key] of keys.entries()) {
      const order = compare(a[key], b[key])
      if (order !== 0) return directions[i] === 'desc' ? -order : order
    }
    return compare(a['id'], b['id'])
  })
}

function compare(a: unknown, b: unknown): number {
  if (a === b) return 0
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return plainText(a ?? '') < plainText(b ?? '') ? -1 : 1
}

/** Only the asked fields, when any are. */
export function chooseFields(view: View, query: Query): View {
  const fields = values(query, 'fields').flatMap((one) => one.split(','))
  if (fields.length === 0) return view
  return Object.fromEntries(Object.entries(view).filter(([key]) => fields.includes(key)))
}
