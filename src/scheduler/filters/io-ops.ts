/** Hosts on which less is being built, moved and copied than the limit: of the option, or of their aggregates. */
import { limitOf } from './aggregates.ts'
import { are, type Filter } from './filter.ts'

const tell = (count: number): string => `${are(count)} busy with as many builds, moves and copies as it may`

export const ioOps: Filter = {
  name: 'IoOpsFilter',
  asksAgain: 'always',
  counts: ['ioOps'],
  judge:
    ({ config: { maxIoOpsPerHost: limit } }) =>
    (host) =>
      host.ioOps < limit
        ? undefined
        : `is busy with ${host.ioOps} builds, moves and copies, the limit is ${limit}`,
  tell,
}

export const aggregateIoOps: Filter = {
  name: 'AggregateIoOpsFilter',
  asksAgain: 'always',
  counts: ['ioOps'],
  judge:
    ({ config }) =>
    (host) => {
      const limit = limitOf(host, 'max_io_ops_per_host', config.maxIoOpsPerHost)
      return host.ioOps < limit
        ? undefined
        : `is busy with ${host.ioOps} builds, moves and copies, the limit of its aggregates is ${limit}`
    },
  tell,
}
