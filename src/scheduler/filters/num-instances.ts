/** Hosts with fewer servers than the limit: of the option, or of their aggregates. */
import { belowAggregates, belowOption, type Counted } from './counted.ts'
import { hold } from './filter.ts'

const servers: Counted = {
  what: 'servers',
  key: 'max_instances_per_host',
  option: ({ maxInstancesPerHost }) => maxInstancesPerHost,
  held: (count) => `holds ${count} servers`,
  tell: (count) => `${hold(count)} as many servers as it may`,
}

export const numInstances = belowOption('NumInstancesFilter', servers)
export const aggregateNumInstances = belowAggregates('AggregateNumInstancesFilter', servers)
