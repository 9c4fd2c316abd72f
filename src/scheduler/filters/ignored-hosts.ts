/** Hosts that the request wants to be left out. */
import { are, type Filter } from './filter.ts'

export const ignoredHosts: Filter = {
  name: 'IgnoreHosts',
  judge({ spec }) {
    if (spec.ignoreHosts.length === 0) return undefined
    const ignored = new Set(spec.ignoreHosts)
    return ({ node }) => (ignored.has(node.host) ? 'is to be ignored for this request' : undefined)
  },
  tell: (count) => `${are(count)} to be ignored`,
}
