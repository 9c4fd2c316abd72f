/** Hosts that the request wants to be left out. */
import { are, type Filter } from './filter.ts'

export const ignoredHosts: Filter = {
  name: 'IgnoreHosts',
  refuse: ({ node }, { spec }) =>
    spec.ignoreHosts.includes(node.host) ? 'is to be ignored for this request' : undefined,
  tell: (count) => `${are(count)} to be ignored`,
}
