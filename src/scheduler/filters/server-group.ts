/** Hosts on which a server of a group with a strict policy may not be. */
import { are, type Filter, hold } from './filter.ts'

export const serverGroupAntiAffinity: Filter = {
  name: 'ServerGroupAntiAffinityFilter',
  asksAgain: 'in groups',
  judge({ group }) {
    if (group?.policy !== 'anti-affinity') return undefined
    return ({ node }) => {
      const held = group.onHost.get(node.host) ?? 0
      if (held < group.maxServersPerHost) return undefined
      return `holds ${held} servers of the group, the limit is ${group.maxServersPerHost}`
    }
  },
  tell: (count) => `${hold(count)} as many servers of the group as may be together`,
}

export const serverGroupAffinity: Filter = {
  name: 'ServerGroupAffinityFilter',
  asksAgain: 'in groups',
  judge({ group }) {
    if (group?.policy !== 'affinity' || group.onHost.size === 0) return undefined
    return ({ node }) =>
      group.onHost.has(node.host) ? undefined : 'is not where the other servers of the group are'
  },
  tell: (count) => `${are(count)} not where the other servers of the group are`,
}
