/**
 * Contracts: what services say to one another. A contract names a topic's methods and the schema of
 * each message and answer; `clientOf` and `serve` check every message on both sides. Additions only.
 */
import type { Static, TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'

export interface Method<Request extends TSchema = TSchema, Reply extends TSchema = TSchema> {
  readonly request: Request
  readonly reply: Reply
  /** How long a caller waits for the answer. */
  readonly timeoutMs: number
  /**
   * Unanswered for so long, it is asked again, of whoever serves the topic then, and after twice as long once more:
   * one server may stand still. Only for what may be done several times.
   */
  readonly againMs?: number
  /** As a call: many are asked at the same moment, and may travel together to one server. */
  readonly packs?: true
  /** As a cast: it says no more than that there is something to look for, so that one of several of a moment is enough. */
  readonly nudges?: true
}

export type Contract = Readonly<Record<string, Method>>

/** What the bus must be able to do for a contract; `bus/port.ts` is such a thing. */
export interface Transport {
  call(
    topic: string,
    method: string,
    payload: unknown,
    options: { requestId: string; timeoutMs: number; againMs?: number; packs?: boolean },
  ): Promise<unknown>
  cast(
    topic: string,
    method: string,
    payload: unknown,
    options: { requestId: string; nudges?: boolean },
  ): Promise<void>
  serve(
    topic: string,
    handlers: Readonly<Record<string, (payload: unknown, meta: { requestId: string }) => Promise<unknown>>>,
  ): Promise<{ close(): Promise<void> }>
}

export type ClientOf<C extends Contract> = {
  readonly [M in keyof C]: {
    call(payload: Static<C[M]['request']>, requestId: string): Promise<Static<C[M]['reply']>>
    cast(payload: Static<C[M]['request']>, requestId: string): Promise<void>
  }
}

export type HandlersOf<C extends Contract> = {
  readonly [M in keyof C]: (
    payload: Static<C[M]['request']>,
    meta: { requestId: string },
  ) => Promise<Static<C[M]['reply']>>
}

/** A message that does not fit its contract: a defect of the sender, refused before anything is done. */
export class ContractViolation extends Error {
  override readonly name = 'ContractViolation'
}

/** Once for each schema, whoever makes clients for how short a time. */
const compiledOf = new WeakMap<TSchema, ReturnType<typeof TypeCompiler.Compile>>()

/** A checker that compiles its schema when the first message comes: start-up is not the time. */
function checker(schema: TSchema, what: string): (value: unknown) => void {
  return (value) => {
    const compiled = compiledOf.get(schema) ?? TypeCompiler.Compile(schema)
    compiledOf.set(schema, compiled)
    if (compiled.Check(value)) return
    const error = compiled.Errors(value).First()
    throw new ContractViolation(`${what}: ${error?.path ?? ''} ${error?.message ?? 'does not fit'}`)
  }
}

/** The sending side of a topic. */
export function clientOf<C extends Contract>(contract: C, topic: string, transport: Transport): ClientOf<C> {
  const methods = Object.entries(contract).map(([name, method]) => {
    const checkRequest = checker(method.request, `${topic}.${name} request`)
    const checkReply = checker(method.reply, `${topic}.${name} reply`)
    const client = {
      async call(payload: unknown, requestId: string) {
        checkRequest(payload)
        const { timeoutMs, againMs, packs } = method
        const options = {
          requestId,
          timeoutMs,
          ...(againMs !== undefined && { againMs }),
          ...(packs && { packs }),
        }
        const reply = await transport.call(topic, name, payload, options)
        checkReply(reply)
        return reply
      },
      async cast(payload: unknown, requestId: string) {
        checkRequest(payload)
        const { nudges } = method
        await transport.cast(topic, name, payload, { requestId, ...(nudges && { nudges }) })
      },
    }
    return [name, client]
  })
  return Object.fromEntries(methods) as ClientOf<C>
}

/** The receiving side of a topic. */
export function serveContract<C extends Contract>(
  contract: C,
  topic: string,
  transport: Transport,
  handlers: HandlersOf<C>,
): Promise<{ close(): Promise<void> }> {
  const checked = Object.entries(contract).map(([name, method]) => {
    const checkRequest = checker(method.request, `${topic}.${name} request`)
    const handler = handlers[name] as (payload: unknown, meta: { requestId: string }) => Promise<unknown>
    return [
      name,
      async (payload: unknown, meta: { requestId: string }) => (
        checkRequest(payload), handler(payload, meta)
      ),
    ]
  })
  return transport.serve(topic, Object.fromEntries(checked))
}
