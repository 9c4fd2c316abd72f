/** Hosts on which a server of a group with a strict policy may not be. */
import { are, type Filter } from './filter.ts'

export const serverGroupAntiAffinity: Filter = {
  name: 'ServerGroupAntiAffinityFilter',
  refuse({ node }, { group }) {
    if (group?.policy !== 'anti-affinity') return undefined
    const held = group.onHost.get(node.host) ?? 0
    if (held < group.maxServersPerHost) return undefined
    return `holds ${held} servers of the group, the limit is ${group.maxServersPerHost}`
  },
  tell: (count) =>
    `${count === 1 ? '1 holds' : `${count} hold`} as many servers of the group as may be together`,
}

export const serverGroupAffinity: Filter = {
  name: 'ServerGroupAffinityFilter',
  refuse({ node }, { group }) {
    if (group?.policy !== 'affinity' || group.onHost.size === 0 || group.onHost.has(node.host))
      return undefined
    return 'is not where the other servers of the group are'
  },
  tell: (count) => `${are(count)} not where the other servers of the group are`,
}
