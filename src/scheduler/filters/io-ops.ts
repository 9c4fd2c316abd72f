/** Hosts on which less is being built, moved and copied than the limit: of the option, or of their aggregates. */
import { belowAggregates, belowOption, type Counted } from './counted.ts'
import { are } from './filter.ts'

const works: Counted = {
  what: 'ioOps',
  key: 'max_io_ops_per_host',
  option: ({ maxIoOpsPerHost }) => maxIoOpsPerHost,
  held: (count) => `is busy with ${count} builds, moves and copies`,
  tell: (count) => `${are(count)} busy with as many builds, moves and copies as it may`,
}

export const ioOps = belowOption('IoOpsFilter', works)
export const aggregateIoOps = belowAggregates('AggregateIoOpsFilter', works)
