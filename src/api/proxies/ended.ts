/** Operations of routes that ended, and what several of them read alike. */
import { Fault, type FaultKind, isFault } from '#lib/fault.ts'
import { LIMIT, many, query } from '#lib/versioned/index.ts'

/** Most of them ended with 2.36. */
export const ENDED = { versions: '..2.35' } as const

export const anyQuery = query({}, { additional: true })
export const pageQuery = query({ limit: many(LIMIT), offset: many(LIMIT) }, { additional: true })

interface Page {
  readonly limit?: readonly string[] | undefined
  readonly offset?: readonly string[] | undefined
}

/** The rows from `offset` on, `limit` of them at most. */
export function limited<R>(rows: readonly R[], { limit, offset }: Page, maxLimit: number): readonly R[] {
  const from = Number(offset?.at(-1) ?? 0)
  const asked = Number(limit?.at(-1) || maxLimit)
  return rows.slice(from, from + Math.min(asked === 0 ? maxLimit : asked, maxLimit))
}

/** The neighbour's refusals in Nova's kinds and words: by kind, or by Neutron's error type. */
export async function refusing<T>(
  asked: Promise<T>,
  table: Readonly<Record<string, readonly [FaultKind, string?]>>,
): Promise<T> {
  try {
    return await asked
  } catch (error) {
    const row = isFault(error) ? (table[error.code ?? ''] ?? table[error.kind]) : undefined
    if (!row || !isFault(error)) throw error
    const [kind, message = error.message] = row
    throw new Fault(kind, message, { cause: error })
  }
}
