/** Two answers to one request, with what may differ in them (order, ids, times) made the same. */
import type { Ask, Reply } from './client.ts'

export interface Difference {
  /** `status`, `header allow`, `body`, `error detail` … */
  readonly where: string
  readonly ours: unknown
  readonly theirs: unknown
}

const HEADERS = [
  'allow',
  'cache-control',
  'content-type',
  'location',
  'openstack-api-version',
  'vary',
  'www-authenticate',
] as const
/** Their values are times: only whether they are there is compared. */
const PRESENCE = ['last-modified', 'x-openstack-request-id'] as const

/** The first differences; none when the answers say the same. */
export function compare(ask: Ask, ours: Reply, theirs: Reply): Difference[] {
  const differences: Difference[] = []
  const check = (where: string, a: unknown, b: unknown): void => {
    if (stable(a) !== stable(b)) differences.push({ where, ours: a, theirs: b })
  }
  check('status', ours.status, theirs.status)
  if (ours.status !== theirs.status) {
    const detail = (reply: Reply) => errorOf(reply)?.['detail']
    return [{ where: 'status', ours: [ours.status, detail(ours)], theirs: [theirs.status, detail(theirs)] }]
  }
  for (const name of HEADERS) check(`header ${name}`, headerOf(ours, name), headerOf(theirs, name))
  for (const name of PRESENCE) check(`header ${name}`, name in ours.headers, name in theirs.headers)
  const [ourError, theirError] = [errorOf(ours), errorOf(theirs)]
  if (ourError && theirError) {
    check('error keys', Object.keys(ourError).sort(), Object.keys(theirError).sort())
    for (const key of ['status', 'title', 'code', 'max_version', 'min_version'])
      check(`error ${key}`, ourError[key], theirError[key])
    check('error detail', wordsOf(ourError['detail']), wordsOf(theirError['detail']))
  } else if (isLimited(ask)) {
    check('number of candidates', countOf(ours), countOf(theirs))
  } else {
    check('body', settled(ours.json ?? ours.text), settled(theirs.json ?? theirs.text))
  }
  return differences
}

export const isLimited = (ask: Ask): boolean => /^\/allocation_candidates.*[?&]limit=/.test(ask.path)

const countOf = (reply: Reply): number | undefined =>
  (reply.json as { allocation_requests?: unknown[] } | undefined)?.allocation_requests?.length

/** What is said, without the general sentence of the status that the real service begins with. */
function wordsOf(detail: unknown): string {
  const text = String(detail)
  const general = GENERAL.find((sentence) => text.startsWith(sentence) && text.length > sentence.length)
  const own = (general === undefined ? text : text.slice(general.length)).trim()
  return own === '' ? text.trim() : own
}

/** Of its HTTP library, one for each status. */
const GENERAL = [
  'The server could not comply with the request since it is either malformed or otherwise incorrect.',
  'Access was denied to this resource.',
  'The resource could not be found.',
  'The method POST is not allowed for this resource.',
  'There was a conflict when trying to complete your request.',
  'The resource could not be generated that was acceptable to your browser (content of type application/json).',
  'The request media type is not supported by this server.',
]

/** Where a service stands is its own business. */
function headerOf(reply: Reply, name: string): string | undefined {
  const value = reply.headers[name]
  const text = Array.isArray(value) ? value.join(', ') : value
  if (name === 'allow') return text?.split(', ').sort().join(', ')
  return name === 'location' ? text?.replace(/^https?:\/\/[^/]+/, 'ORIGIN') : text
}

function errorOf({ json }: Reply): Record<string, unknown> | undefined {
  const errors = (json as { errors?: Record<string, unknown>[] } | undefined | null)?.errors
  return Array.isArray(errors) ? errors[0] : undefined
}

/** Lists as sets: no route promises an order. */
export function settled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(settled).sort((a, b) => (stable(a) < stable(b) ? -1 : 1))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, settled(inner)]))
}

/** A text that is the same for equal values, whatever the order of their keys. */
export function stable(value: unknown): string {
  return (
    JSON.stringify(value, (_name, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    ) ?? 'undefined'
  )
}
