/** All hosts but the one that an admin named. */
import { are, type Filter } from './filter.ts'

export const forcedHost: Filter = {
  name: 'ForceHosts',
  judge:
    ({ spec: { forceHost, forceNode } }) =>
    ({ node }) => {
      if (forceHost !== null && node.host !== forceHost) return `another host was asked for, ${forceHost}`
      if (forceNode !== null && node.hypervisorHostname !== forceNode)
        return `another node was asked for, ${forceNode}`
      return undefined
    },
  tell: (count) => `${are(count)} not the one that was asked for`,
}
