/** How a host aggregate looks in answers. */
import { isoMicroseconds } from '#lib/iso-time.ts'
import { shownSince, view } from '#lib/versioned/index.ts'
import type { Aggregate } from '#model/host/index.ts'

const FIELDS = {
  id: (aggregate: Aggregate) => aggregate.id,
  uuid: shownSince<Aggregate, undefined>('2.41', (aggregate) => aggregate.uuid),
  name: (aggregate: Aggregate) => aggregate.name,
  created_at: (aggregate: Aggregate) => isoMicroseconds(aggregate.createdAt),
  updated_at: (aggregate: Aggregate) =>
    aggregate.updatedAt === null ? null : isoMicroseconds(aggregate.updatedAt),
  deleted_at: () => null,
  deleted: () => false,
  availability_zone: ({ metadata }: Aggregate) => metadata['availability_zone'] ?? null,
}

/** In the answer to its making: nothing is in it yet. */
export const newAggregateView = view<Aggregate>(FIELDS)

export const aggregateView = view<Aggregate>({
  ...FIELDS,
  hosts: (aggregate) => aggregate.hosts,
  metadata: (aggregate) => aggregate.metadata,
})
