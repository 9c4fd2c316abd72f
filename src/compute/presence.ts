/**
 * The host's presence: its heartbeat, which says which process speaks for it. Two processes under one name would
 * both do what the host is told; the conductor refuses the second, and the first when another took over from it.
 */
import { COMPUTE_TOPIC } from '#contracts/compute.ts'
import { processId, SERVICE_TAKEN, SERVICE_VERSION } from '#contracts/conductor.ts'
import { isFault } from '#lib/fault.ts'
import { messageOf } from '#lib/undo.ts'
import type { World } from './world.ts'

/** A stop does not wait longer for a conductor that may be gone. */
const GOODBYE_MS = 2_000

export interface Presence {
  /** Throws a `conflict` (see `isTaken`) when another process serves the host. */
  report(): Promise<void>
  /** What fails is only logged: who takes over then waits until this one was silent for long enough. */
  leave(): Promise<void>
}

export interface PresenceDeps {
  readonly world: World
  /** The host's, kept with its guests; without one nobody is refused. */
  readonly identity: string | undefined
  readonly onTaken: ((error: Error) => void) | undefined
}

export const isTaken = (error: unknown): boolean => isFault(error, 'conflict') && error.code === SERVICE_TAKEN

export function createPresence({ world, identity, onTaken }: PresenceDeps): Presence {
  const { conductor, clock, host, ids, log } = world
  let hasBegun = false
  const service = { binary: 'nova-compute', host, topic: COMPUTE_TOPIC, version: SERVICE_VERSION }
  const process = identity === undefined ? undefined : { identity, id: processId(clock.now(), ids.uuid()) }
  return {
    async report() {
      const report = { ...service, ...(process && { process: { ...process, begins: !hasBegun } }) }
      try {
        await conductor.reportService.call(report, ids.requestId())
      } catch (error) {
        if (hasBegun && isTaken(error) && error instanceof Error) onTaken?.(error)
        throw error
      }
      hasBegun = true
    },
    async leave() {
      if (!process || !hasBegun) return
      const goodbye = { ...service, process: { ...process, begins: false, leaves: true } }
      const patience = new AbortController()
      const said = conductor.reportService
        .call(goodbye, ids.requestId())
        .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'nobody heard the goodbye'))
      await Promise.race([said, clock.sleep(GOODBYE_MS, patience.signal).catch(() => undefined)])
      patience.abort()
    },
  }
}
