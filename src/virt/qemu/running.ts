/** A running guest, watched: its monitor connection is kept, its state known, its end noticed. */
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import { POWER_STATES, type PowerState } from '#model/instance/index.ts'
import { within } from './deadline.ts'
import { type ProcessIdentity, isAlive, waitGone } from './process.ts'
import { type Monitor, openMonitor } from './qmp/monitor.ts'

export interface RunningGuest {
  readonly uuid: string
  readonly process: ProcessIdentity
  powerState(): PowerState
  /** The connection to its monitor, waited for while it is being made. Rejects when the guest ends, or does not answer in time. */
  monitor(): Promise<Monitor>
  /** Resolves when the process has ended. */
  readonly gone: Promise<void>
  /** Says that the end that comes now was asked for: it is no news. */
  expectEnd(): void
  /** Says that the state that comes now was asked for: it is no news. */
  expectState(powerState: PowerState): void
  /** Stops watching; the guest runs on. */
  release(): Promise<void>
}

export interface WatchOptions {
  readonly clock: Clock
  readonly log: Log
  /** The guest did something unasked. Called once when its process has ended. */
  readonly onChange: (guest: RunningGuest, powerState: PowerState) => void
  /** Called when the process has ended, asked for or not, before `onChange`. */
  readonly onGone: (guest: RunningGuest) => Promise<void>
}

const CONNECT_TIMEOUT_MS = 10_000
/** A process that has closed its monitor ends within this time, or it lives and is dialled again. */
const ENDING_MS = 2_000

/** QEMU's run states that are not simply running. */
const STATES: Readonly<Record<string, PowerState>> = {
  paused: POWER_STATES.paused,
  'finish-migrate': POWER_STATES.paused,
  postmigrate: POWER_STATES.paused,
  'io-error': POWER_STATES.paused,
  'internal-error': POWER_STATES.crashed,
  'guest-panicked': POWER_STATES.crashed,
  shutdown: POWER_STATES.shutdown,
}

/** A connection to come. Its failure is told to those who wait, and to nobody when none does. */
function awaited(): PromiseWithResolvers<Monitor> {
  const connection = Promise.withResolvers<Monitor>()
  connection.promise.catch(() => undefined)
  return connection
}

/** Watches the QEMU process whose monitor listens on `socket`. */
export function watchGuest(
  uuid: string,
  identity: ProcessIdentity,
  socket: string,
  watch: WatchOptions,
): RunningGuest {
  const { clock, log } = watch
  const released = new AbortController()
  const gone = Promise.withResolvers<void>()
  let connection = awaited()
  let state: PowerState = POWER_STATES.running
  let endIsExpected = false
  let expected = 0

  const refresh = async (monitor: Monitor) => {
    const asked = expected
    const { status } = await monitor.queryStatus()
    // What was true before a change that was asked for is no news any more.
    if (asked !== expected) return
    const now = STATES[status] ?? POWER_STATES.running
    if (now === state) return
    state = now
    watch.onChange(guest, state)
  }
  const connectOnce = async () => {
    const opened = await openMonitor(socket, {
      clock,
      timeoutMs: CONNECT_TIMEOUT_MS,
      alive: () => isAlive(identity),
    })
    if (released.signal.aborted) return opened.close()
    opened.onSignal((signal) => {
      if (signal === 'shutdown') return
      refresh(opened).catch((error: unknown) =>
        log.debug({ err: error, instance: uuid }, 'the guest went before it could say its state'),
      )
    })
    released.signal.addEventListener('abort', opened.close)
    try {
      await refresh(opened)
      connection.resolve(opened)
      await opened.closed
      connection = awaited()
    } finally {
      released.signal.removeEventListener('abort', opened.close)
      opened.close()
    }
  }
  const end = async () => {
    state = POWER_STATES.shutdown
    connection.reject(new Error('The guest has ended'))
    try {
      await watch.onGone(guest)
    } catch (error) {
      log.error({ err: error, instance: uuid }, 'what the guest leaves behind could not be cleared away')
    }
    gone.resolve()
    if (!endIsExpected) watch.onChange(guest, state)
  }
  const follow = async () => {
    for (;;) {
      try {
        await connectOnce()
      } catch (error) {
        log.debug({ err: error, instance: uuid }, 'no connection to the monitor')
      }
      if (released.signal.aborted) return
      if (await waitGone(identity, ENDING_MS, clock)) return end()
      log.warn({ instance: uuid }, 'the guest lives but its monitor was lost: connecting again')
    }
  }
  const guest: RunningGuest = {
    uuid,
    process: identity,
    powerState: () => state,
    monitor: () => within(clock, CONNECT_TIMEOUT_MS, 'the monitor', connection.promise),
    gone: gone.promise,
    expectEnd: () => {
      endIsExpected = true
    },
    expectState: (powerState) => {
      expected += 1
      state = powerState
    },
    async release() {
      released.abort()
      await following
    },
  }
  const following = follow().catch((error: unknown) =>
    log.error({ err: error, instance: uuid }, 'watching a guest failed'),
  )
  return guest
}
