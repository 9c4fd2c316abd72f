/** An admin's `zone:host:node`: Placement is asked for that node alone, when it can be told. */
import type { RequestFilter } from './request-filter.ts'

export const forcedNode: RequestFilter = (query, request, snapshot) => {
  const { forceHost, forceNode } = request.spec
  if (forceHost === null && forceNode === null) return query
  const nodes = [...snapshot.hosts.values()].filter(
    ({ node }) =>
      (forceHost === null || node.host === forceHost) &&
      (forceNode === null || node.hypervisorHostname === forceNode),
  )
  const [only] = nodes
  return only && nodes.length === 1 ? { ...query, inTree: only.node.uuid } : query
}
