/** A message's way through its handler, and what travels back: plain data on every bus. */
import { Fault, FAULT_STATUS, type FaultKind, isFault } from '#lib/fault.ts'
import type { Log } from '#lib/log.ts'
import { traced } from '#lib/trace.ts'
import { messageOf } from '#lib/undo.ts'
import type { Handlers, MessageMeta } from './port.ts'

/** What travels back. */
export type Reply =
  | { readonly ok: unknown }
  | { readonly kind: FaultKind; readonly message: string; readonly code?: string | undefined }

export interface Message {
  readonly topic: string
  readonly method: string
  readonly payload: unknown
  readonly meta: MessageMeta
}

/** What arrives of a value: JSON, where nothing is null. */
export const overTheWire = (value: unknown): unknown =>
  value === undefined ? null : (JSON.parse(JSON.stringify(value)) as unknown)

function replyOfError(error: unknown): Reply {
  if (isFault(error)) return { kind: error.kind, message: error.message, code: error.code }
  return { kind: 'internal', message: messageOf(error) }
}

/** Runs the message's method on behalf of its request and packs what came of it. Never rejects. */
export async function answer(
  handlers: Handlers,
  { topic, method, payload, meta }: Message,
  log: Log,
): Promise<Reply> {
  const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined
  if (!handler) return { kind: 'notImplemented', message: `Topic ${topic} has no method ${method}.` }
  try {
    const { requestId } = meta
    return { ok: overTheWire(await traced({ requestId }, () => handler(payload, { requestId }))) }
  } catch (error) {
    log.debug({ err: error, topic, method, request_id: meta.requestId }, 'message handler failed')
    return replyOfError(error)
  }
}

/** What a caller gets of a reply: the answer, or the handler's fault thrown. */
export function outcomeOf(reply: Reply): unknown {
  if ('ok' in reply) return reply.ok
  throw new Fault(reply.kind, reply.message, reply.code === undefined ? {} : { code: reply.code })
}

/** Reads a reply that came from another process; what is none is an internal fault. */
export function readReply(text: string): Reply {
  try {
    return replyOf(JSON.parse(text))
  } catch {
    return NOT_UNDERSTOOD
  }
}

/** The same of what is parsed already. */
export function replyOf(reply: unknown): Reply {
  if (typeof reply !== 'object' || reply === null) return NOT_UNDERSTOOD
  if ('ok' in reply) return { ok: reply.ok }
  if ('kind' in reply && isKind(reply.kind) && 'message' in reply && typeof reply.message === 'string') {
    const code = 'code' in reply && typeof reply.code === 'string' ? reply.code : undefined
    return { kind: reply.kind, message: reply.message, code }
  }
  return NOT_UNDERSTOOD
}

const NOT_UNDERSTOOD: Reply = {
  kind: 'internal',
  message: 'The answer is not one that this version understands.',
}

const isKind = (kind: unknown): kind is FaultKind =>
  typeof kind === 'string' && Object.hasOwn(FAULT_STATUS, kind)
