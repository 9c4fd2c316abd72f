/** Hosts with fewer servers than the limit: of the option, or of their aggregates. */
import { limitOf } from './aggregates.ts'
import { type Filter, hold } from './filter.ts'

const tell = (count: number): string => `${hold(count)} as many servers as it may`

export const numInstances: Filter = {
  name: 'NumInstancesFilter',
  asksAgain: 'always',
  counts: ['servers'],
  judge:
    ({ config: { maxInstancesPerHost: limit } }) =>
    ({ servers }) =>
      servers < limit ? undefined : `holds ${servers} servers, the limit is ${limit}`,
  tell,
}

export const aggregateNumInstances: Filter = {
  name: 'AggregateNumInstancesFilter',
  asksAgain: 'always',
  counts: ['servers'],
  judge:
    ({ config }) =>
    (host) => {
      const limit = limitOf(host, 'max_instances_per_host', config.maxInstancesPerHost)
      return host.servers < limit
        ? undefined
        : `holds ${host.servers} servers, the limit of its aggregates is ${limit}`
    },
  tell,
}
