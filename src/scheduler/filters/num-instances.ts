/** Hosts with fewer servers than the limit. */
import type { Filter } from './filter.ts'

export const numInstances: Filter = {
  name: 'NumInstancesFilter',
  refuse: ({ node }, { config }) =>
    node.runningVms < config.maxInstancesPerHost
      ? undefined
      : `holds ${node.runningVms} servers, the limit is ${config.maxInstancesPerHost}`,
  tell: (count) => `${count === 1 ? '1 holds' : `${count} hold`} as many servers as it may`,
}
