/**
 * Packs: several calls that are asked of one topic at the same moment as one message, and answers that are given at the
 * same moment as one. A server of a version that knows none answers a pack that it has no such method.
 */
import type { Reply } from '../answer.ts'

/** The method that a pack goes by. */
export const PACK = 'kilonova.pack'

const MOST = 32
const MOST_BYTES = 64 * 1024

/** One call of a pack. Its deadline is the pack's. */
export interface PackedCall {
  readonly id: string
  readonly method: string
  readonly requestId: string
  readonly payload: unknown
}

export interface PackedReply {
  readonly id: string
  readonly reply: Reply
}

/** In their order, into packs of a bearable size. */
export function packsOf<T extends { readonly body: Buffer }>(calls: readonly T[]): T[][] {
  const packs: T[][] = []
  let bytes = Infinity
  for (const call of calls) {
    const pack = packs.at(-1)
    bytes += call.body.length
    if (pack && pack.length < MOST && bytes <= MOST_BYTES) {
      pack.push(call)
      continue
    }
    packs.push([call])
    bytes = call.body.length
  }
  return packs
}

export const packedCalls = (
  calls: readonly { id: string; method: string; requestId: string; body: Buffer }[],
): Buffer =>
  Buffer.from(
    `[${calls
      .map(({ body, id, method, requestId }) => {
        const head = JSON.stringify({ id, method, requestId })
        return `${head.slice(0, -1)},"payload":${body.toString()}}`
      })
      .join(',')}]`,
  )

export const packedReplies = (replies: readonly PackedReply[]): Buffer => Buffer.from(JSON.stringify(replies))

/** What another process packed; undefined when that is none. */
function unpacked(text: string): readonly (object & { readonly id: string })[] | undefined {
  try {
    const parts: unknown = JSON.parse(text)
    if (!Array.isArray(parts)) return undefined
    const known = parts.filter(
      (part): part is { id: string } =>
        typeof part === 'object' && part !== null && 'id' in part && typeof part.id === 'string',
    )
    return known.length === parts.length ? known : undefined
  } catch {
    return undefined
  }
}

/** Undefined when it is no pack of calls. */
export function callsIn(text: string): readonly PackedCall[] | undefined {
  return unpacked(text)?.map((part) => ({
    id: part.id,
    method: 'method' in part ? String(part.method) : '',
    requestId: 'requestId' in part ? String(part.requestId) : '',
    payload: 'payload' in part ? part.payload : null,
  }))
}

/** None when it is no pack of answers: then those who wait are left to their deadlines. */
export const repliesIn = (text: string): readonly { readonly id: string; readonly reply: unknown }[] =>
  (unpacked(text) ?? []).map((part) => ({ id: part.id, reply: 'reply' in part ? part.reply : undefined }))
