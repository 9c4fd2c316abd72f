/** Filters of hosts with less of something than a limit: that of an option, or the one that their aggregates say. */
import type { SchedulerConfig } from '../config.ts'
import { limitOf } from './aggregates.ts'
import type { Filter } from './filter.ts'

export interface Counted {
  readonly what: 'servers' | 'ioOps'
  /** The key of aggregates. */
  readonly key: string
  option(config: SchedulerConfig): number
  /** What there is of it, for an operator. */
  held(count: number): string
  readonly tell: Filter['tell']
}

const filterOf = (name: string, { what, tell }: Counted): Omit<Filter, 'judge'> => ({
  name,
  asksAgain: 'always',
  counts: [what],
  tell,
})

export const belowOption = (name: string, counted: Counted): Filter => ({
  ...filterOf(name, counted),
  judge({ config }) {
    const limit = counted.option(config)
    return (host) => {
      const count = host[counted.what]
      return count < limit ? undefined : `${counted.held(count)}, the limit is ${limit}`
    }
  },
})

export const belowAggregates = (name: string, counted: Counted): Filter => ({
  ...filterOf(name, counted),
  judge:
    ({ config }) =>
    (host) => {
      const limit = limitOf(host, counted.key, counted.option(config))
      const count = host[counted.what]
      return count < limit ? undefined : `${counted.held(count)}, the limit of its aggregates is ${limit}`
    },
})
