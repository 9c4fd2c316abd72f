/**
 * systemd, or whoever else supervises the process by its protocol (sd_notify): told when the service is ready, reads
 * its configuration again, stops, and that it still lives. The protocol wants unix datagrams, which Node does not
 * have; `systemd-notify`, which is where systemd is, sends them. Its units need `NotifyAccess=all`.
 */
import { execFile } from 'node:child_process'
import { messageOf } from '#lib/undo.ts'

export interface Supervisor {
  /** `status` is what `systemctl status` shows. */
  ready(status: string): Promise<void>
  reloading(): Promise<void>
  stopping(): Promise<void>
}

const MICROSECONDS = 1_000n
const US_PER_MS = 1_000
const SEND_MS = 5_000

/** Does nothing where nobody supervises. Takes the protocol's variables out of the environment: guests are not to speak for us. */
export function createSupervisor(
  environment: NodeJS.ProcessEnv,
  complain: (line: string) => void = (line) => console.error(line),
): Supervisor {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog, WATCHDOG_PID: watched } = environment
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name]
  if (!socket) return { ready: quiet, reloading: quiet, stopping: quiet }
  let complained = false
  const send = (...assignments: readonly string[]): Promise<void> =>
    new Promise((resolve) => {
      const options = { env: { ...environment, NOTIFY_SOCKET: socket }, timeout: SEND_MS }
      execFile('systemd-notify', assignments, options, (error) => {
        if (error && !complained) complain(`systemd was not told ${assignments[0]}: ${messageOf(error)}`)
        complained ||= error !== null
        resolve()
      })
    })
  // The variable names the launcher where that runs us with a newer Node: it vouches for nothing but our life.
  const isWatched =
    watchdog !== undefined && [undefined, String(process.pid), String(process.ppid)].includes(watched)
  let beat: NodeJS.Timeout | undefined
  return {
    ready(status) {
      if (isWatched)
        beat ??= setInterval(() => void send('WATCHDOG=1'), Number(watchdog) / US_PER_MS / 2).unref()
      return send('READY=1', `STATUS=${status}`)
    },
    reloading: () => send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / MICROSECONDS}`),
    async stopping() {
      await send('STOPPING=1')
      clearInterval(beat)
    },
  }
}

const quiet = async (): Promise<void> => undefined
