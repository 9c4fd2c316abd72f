/** Pages of lists: `limit` and `marker` as Nova reads them. */
import { badRequest } from '#lib/fault.ts'

export interface PageQuery {
  readonly limit?: readonly string[] | undefined
  readonly marker?: readonly string[] | undefined
}

/** The page's size, at most `maxLimit`. */
export function limitOf(query: PageQuery, maxLimit: number): number {
  const sent = query.limit?.at(-1)
  if (sent === undefined) return maxLimit
  const limit = Number.parseInt(sent, 10)
  if (Number.isNaN(limit)) throw badRequest('limit param must be an integer')
  if (limit < 0) throw badRequest('limit param must be positive')
  return Math.min(limit, maxLimit)
}

export const markerOf = (query: PageQuery): string | undefined => query.marker?.at(-1)
