/**
 * Which request the running code works for. It goes along through every await without being passed, so
 * that each log line and each call to a neighbour carries it, those of code that knows of no requests too.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface Trace {
  /** `req-<uuid>`. */
  readonly requestId: string
  /** The id under which another service asked. */
  readonly globalRequestId?: string | undefined
}

const storage = new AsyncLocalStorage<Trace>()

/** Runs `work`, and all that comes of it, on behalf of a request. */
export const traced = <T>(trace: Trace, work: () => T): T => storage.run(trace, work)

export const currentTrace = (): Trace | undefined => storage.getStore()
