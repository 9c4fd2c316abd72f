/** Hosts of which the request's query is true. */
import type { RequestSpec } from '#contracts/scheduler.ts'
import { factAt } from '../host-facts.ts'
import { are, type Filter } from './filter.ts'
import { queryOf } from './json-query.ts'

const hintOf = ({ schedulerHints }: RequestSpec): unknown =>
  Object.hasOwn(schedulerHints, 'query') ? schedulerHints.query : undefined

/** Nova asks nothing of a host where the hint is empty. */
const isAsked = (hint: unknown): boolean => hint !== undefined && hint !== null && hint !== ''

export const json: Filter = {
  name: 'JsonFilter',
  asksAgain: 'always',
  counts: ['servers', 'ioOps'],
  judge({ spec }) {
    const hint = hintOf(spec)
    if (!isAsked(hint)) return undefined
    const query = queryOf(hint)
    if (typeof query === 'string') return () => `the query ${query}`
    return (host) => (query((path) => factAt(host, path)) ? undefined : 'is not what the query asks for')
  },
  tell(count, { spec }) {
    const query = queryOf(hintOf(spec))
    if (typeof query === 'string') return `${are(count)} refused since the query that was asked ${query}`
    return `${are(count)} not what the query asks for`
  },
}
