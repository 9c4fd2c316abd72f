/**
 * The bus: how services speak to one another. A message is only a hint: whatever must happen is a row
 * in the database first, so losing a message costs a poll interval and nothing else.
 */

export interface MessageMeta {
  readonly requestId: string
}

/** Answers to methods, by name. What a handler throws travels back to a `call`er as a `RemoteFault`. */
export type Handlers = Readonly<Record<string, (payload: unknown, meta: MessageMeta) => Promise<unknown>>>

export interface Bus {
  /** Sends and waits for the answer; rejects with `BusTimeout` after `timeoutMs`, or the handler's fault. */
  call(
    topic: string,
    method: string,
    payload: unknown,
    options: MessageMeta & { timeoutMs: number },
  ): Promise<unknown>
  /** Sends and forgets: at most once, to one of the topic's servers. */
  cast(topic: string, method: string, payload: unknown, meta: MessageMeta): Promise<void>
  /** Serves a topic. Several servers of one topic share its messages. `close` finishes what is running. */
  serve(topic: string, handlers: Handlers): Promise<{ close(): Promise<void> }>
  close(): Promise<void>
}

export class BusTimeout extends Error {
  override readonly name = 'BusTimeout'
}

/** What a remote handler threw: its kind and message, as a plain error on this side. */
export { Fault as RemoteFault } from '#lib/fault.ts'
