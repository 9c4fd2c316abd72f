/** An image as Glance shows it. */
import type { Image } from './store.ts'
import type { MemberRow } from './tables.ts'

/** Glance's times have no fraction. */
export const isoTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

export function imageView({ row, properties, tags }: Image): Readonly<Record<string, unknown>> {
  const self = `/v2/images/${row.id}`
  return {
    ...properties,
    ...row,
    protected: row.protected === 1,
    os_hidden: row.os_hidden === 1,
    created_at: isoTime(row.created_at),
    updated_at: isoTime(row.updated_at),
    tags,
    self,
    file: `${self}/file`,
    schema: '/v2/schemas/image',
  }
}

export const memberView = (row: MemberRow): object => ({
  ...row,
  created_at: isoTime(row.created_at),
  updated_at: isoTime(row.updated_at),
  schema: '/v2/schemas/member',
})
