/** The filters by their names in `enabled_filters`, those that are always on, and those for who names a host. */
import {
  aggregateExtraSpecs,
  aggregateImageIsolation,
  aggregateMultiTenancy,
  aggregateNumInstances,
} from './aggregates.ts'
import { allHosts } from './all-hosts.ts'
import { availabilityZone } from './availability-zone.ts'
import { computeCapabilities } from './compute-capabilities.ts'
import { computeEnabled, computeStatus } from './compute-enabled.ts'
import type { Filter } from './filter.ts'
import { forcedHost } from './forced-host.ts'
import { ignoredHosts } from './ignored-hosts.ts'
import { imageProperties } from './image-properties.ts'
import { numInstances } from './num-instances.ts'
import { serverGroupAffinity, serverGroupAntiAffinity } from './server-group.ts'

const ALWAYS: readonly Filter[] = [ignoredHosts, availabilityZone]
const BY_NAME: ReadonlyMap<string, Filter> = new Map(
  [
    aggregateExtraSpecs,
    aggregateImageIsolation,
    aggregateMultiTenancy,
    aggregateNumInstances,
    allHosts,
    computeEnabled,
    computeCapabilities,
    imageProperties,
    numInstances,
    serverGroupAffinity,
    serverGroupAntiAffinity,
  ].map((each) => [each.name, each]),
)

/** Those that must be asked again after each server that was placed. */
export const OF_GROUPS: ReadonlySet<Filter> = new Set([serverGroupAffinity, serverGroupAntiAffinity])

/** An admin who names a host gets it, whatever the filters say, as in Nova; unless it is disabled. */
export const FORCED: readonly Filter[] = [forcedHost, computeStatus]

/** The filters of these names, and the names that are no filter here. */
export function filtersOf(names: readonly string[]): {
  filters: readonly Filter[]
  unknown: readonly string[]
} {
  return {
    filters: [...ALWAYS, ...names.flatMap((name) => BY_NAME.get(name) ?? [])],
    unknown: names.filter((name) => !BY_NAME.has(name)),
  }
}
