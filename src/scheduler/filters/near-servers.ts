/** Hosts that hold servers which the request names: one of them, or none of them. Whose servers these are is not asked, as in Nova. */
import type { RequestSpec } from '#contracts/scheduler.ts'
import type { SchedulingRequest } from '../request.ts'
import { type Filter, hold } from './filter.ts'

/** A hint of servers is one uuid or a list; what is no text names nobody. */
const namedBy =
  (hint: string) =>
  ({ schedulerHints }: RequestSpec): readonly string[] => {
    const named = Object.hasOwn(schedulerHints, hint) ? schedulerHints[hint] : undefined
    return [named].flat().filter((each) => typeof each === 'string' && each !== '') as string[]
  }

const sameHosts = namedBy('same_host')
const differentHosts = namedBy('different_host')

/** The hosts on which any of them is; undefined when none is named. */
function hostsOf(named: readonly string[], { hostOf }: SchedulingRequest): ReadonlySet<string> | undefined {
  if (named.length === 0) return undefined
  return new Set(named.flatMap((uuid) => hostOf.get(uuid) ?? []))
}

export const sameHost: Filter = {
  name: 'SameHostFilter',
  servers: sameHosts,
  judge(request) {
    const hosts = hostsOf(sameHosts(request.spec), request)
    return (
      hosts && (({ node }) => (hosts.has(node.host) ? undefined : 'holds none of the servers to be near'))
    )
  },
  tell: (count) => `${hold(count)} none of the servers that it is to be on one host with`,
}

export const differentHost: Filter = {
  name: 'DifferentHostFilter',
  servers: differentHosts,
  judge(request) {
    const hosts = hostsOf(differentHosts(request.spec), request)
    return hosts && (({ node }) => (hosts.has(node.host) ? 'holds a server to be apart from' : undefined))
  },
  tell: (count) => `${hold(count)} a server that it is to be apart from`,
}
