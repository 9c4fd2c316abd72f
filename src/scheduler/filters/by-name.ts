/** The filters by their names in `enabled_filters`, those that are always on, and those for who names a host. */
import { namesOfClasses } from '../class-names.ts'
import {
  aggregateExtraSpecs,
  aggregateImageIsolation,
  aggregateMultiTenancy,
  aggregateTypeAffinity,
} from './aggregates.ts'
import { allHosts } from './all-hosts.ts'
import { availabilityZone } from './availability-zone.ts'
import { computeCapabilities } from './compute-capabilities.ts'
import { computeEnabled, computeStatus } from './compute-enabled.ts'
import type { Filter } from './filter.ts'
import { forcedHost } from './forced-host.ts'
import { ignoredHosts } from './ignored-hosts.ts'
import { imageProperties } from './image-properties.ts'
import { aggregateIoOps, ioOps } from './io-ops.ts'
import { isolatedHosts } from './isolated-hosts.ts'
import { json } from './json.ts'
import { simpleCidrAffinity } from './near-address.ts'
import { differentHost, sameHost } from './near-servers.ts'
import { aggregateNumInstances, numInstances } from './num-instances.ts'
import { serverGroupAffinity, serverGroupAntiAffinity } from './server-group.ts'

const ALWAYS: readonly Filter[] = [ignoredHosts, availabilityZone]
const BY_NAME: ReadonlyMap<string, Filter> = new Map(
  [
    aggregateExtraSpecs,
    aggregateImageIsolation,
    aggregateIoOps,
    aggregateMultiTenancy,
    aggregateNumInstances,
    aggregateTypeAffinity,
    allHosts,
    computeEnabled,
    computeCapabilities,
    differentHost,
    imageProperties,
    ioOps,
    isolatedHosts,
    json,
    numInstances,
    sameHost,
    serverGroupAffinity,
    serverGroupAntiAffinity,
    simpleCidrAffinity,
  ].map((each) => [each.name, each]),
)

/** An admin who names a host gets it, whatever the filters say, as in Nova; unless it is disabled. */
export const FORCED: readonly Filter[] = [forcedHost, computeStatus]

const ALL = 'nova.scheduler.filters.all_filters'

/**
 * The filters of `enabled_filters` that `available_filters` lets be used, in their order; and the names, of
 * either option, that are no filter here.
 */
export function filtersOf(
  enabled: readonly string[],
  available: readonly string[] = [ALL],
): { readonly filters: readonly Filter[]; readonly unknown: readonly string[] } {
  const { names, unknown } = namesOfClasses(available, ALL, BY_NAME)
  const always = new Set(ALWAYS.map(({ name }) => name))
  const asked = [...new Set(enabled)].filter((name) => !always.has(name))
  return {
    filters: [...ALWAYS, ...asked.flatMap((name) => (names.has(name) ? (BY_NAME.get(name) ?? []) : []))],
    unknown: [...asked.filter((name) => !names.has(name)), ...unknown],
  }
}
