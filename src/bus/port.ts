/**
 * The bus: how services speak to one another. A message is only a hint: whatever must happen is a row
 * in the database first, so losing a message costs a poll interval and nothing else.
 */

export interface MessageMeta {
  readonly requestId: string
}

export interface CallOptions extends MessageMeta {
  readonly timeoutMs: number
  readonly againMs?: number
  /** It may travel with others of its kind, to one server, to which each is a call of its own. */
  readonly packs?: boolean
}

export interface CastOptions extends MessageMeta {
  /** It says no more than that there is something to look for: several of one moment may arrive as one of them. */
  readonly nudges?: boolean
}

export type Handlers = Readonly<Record<string, (payload: unknown, meta: MessageMeta) => Promise<unknown>>>

export interface Bus {
  /**
   * Sends and waits for the answer; rejects with `BusTimeout` after `timeoutMs`, or the handler's fault. With `againMs`,
   * a bus that spans processes asks another server when the first is silent for so long.
   */
  call(topic: string, method: string, payload: unknown, options: CallOptions): Promise<unknown>
  /** Sends and forgets: at most once, to one of the topic's servers. */
  cast(topic: string, method: string, payload: unknown, options: CastOptions): Promise<void>
  /** Serves a topic. Several servers of one topic share its messages. `close` finishes what is running. */
  serve(topic: string, handlers: Handlers): Promise<{ close(): Promise<void> }>
  close(): Promise<void>
}

export class BusTimeout extends Error {
  override readonly name = 'BusTimeout'
}
