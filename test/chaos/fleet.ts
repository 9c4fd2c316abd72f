/** The fleet that chaos is made in: each of its programs, killed and started again by themselves. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type FleetFacts, type FleetOptions, type FleetParts, partsOf } from '../../src/cli/fleet/fleet.ts'
import { runningPid, startProgram, stopProgram } from '../../src/cli/fleet/processes.ts'

export type Member = FleetParts['processes'][number]

/** `nova-compute-fake-1` is a `nova-compute`. */
export const kindOf = (name: string): string => name.replace(/(-(fake|qemu))?(-\d+)?$/, '')

export interface Victims {
  /** Our own processes, but for the stand-ins: they are not ours in a real fleet. */
  readonly members: readonly Member[]
  readonly databaseUrl: (name: string) => string
  /** SIGKILL. False when it does not run. */
  kill(member: Member): boolean
  signal(member: Member, signal: 'SIGSTOP' | 'SIGCONT'): boolean
  /** Starts it, until it says that it is ready: how many milliseconds that took, and how many of a processor's. */
  revive(member: Member): Promise<{ readonly ms: number; readonly cpuMs: number }>
  /** The broker is down for so long. */
  breakBroker(downMs: number, how: 'SIGTERM' | 'SIGKILL'): Promise<void>
  restartDatabase(how: 'SIGINT' | 'SIGKILL'): Promise<void>
}

const READY_MS = 60_000
const POLL_MS = 10
const STOP_MS = 30_000

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).status === 200
  } catch {
    return false
  }
}

/** Sends a signal to what the file names; false when that does not run. */
function send(pidFile: string, signal: NodeJS.Signals): boolean {
  const pid = runningPid(pidFile)
  if (pid === undefined) return false
  process.kill(pid, signal)
  return true
}

/** The kernel counts in hundredths of a second. */
const TICK_MS = 10

/** What a process has used of a processor so far, in milliseconds. */
function cpuMsOf(pid: number | undefined): number {
  if (pid === undefined) return 0
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

async function gone(pidFile: string): Promise<void> {
  while (runningPid(pidFile) !== undefined) await delay(POLL_MS)
}

export function victimsOf(options: FleetOptions, facts: FleetFacts): Victims {
  const { processes, postgres, rabbit } = partsOf(options, facts)
  const [epmd, broker] = rabbit.programs
  if (!epmd || !broker) throw new Error('the fleet has no broker')
  return {
    members: processes.filter(({ name }) => name !== 'stand-ins'),
    databaseUrl: postgres.url,
    kill: ({ program }) => send(program.pidFile, 'SIGKILL'),
    signal: ({ program }, signal) => send(program.pidFile, signal),
    async revive({ name, program, readyUrl }) {
      await gone(program.pidFile)
      const began = performance.now()
      startProgram(program)
      while (!(await isReady(readyUrl))) {
        if (performance.now() - began > READY_MS)
          throw new Error(`${name} is not ready, see ${join(options.stateDir, 'log')}`)
        // Without a database it ends, and whoever supervises it starts it again.
        if (runningPid(program.pidFile) === undefined) startProgram(program)
        await delay(POLL_MS)
      }
      const ms = performance.now() - began
      return { ms, cpuMs: cpuMsOf(runningPid(program.pidFile)) }
    },
    async breakBroker(downMs, how) {
      if (how === 'SIGKILL') send(broker.pidFile, how)
      else await stopProgram(broker, STOP_MS)
      await gone(broker.pidFile)
      await delay(downMs)
      startProgram(broker)
      await rabbit.ready()
    },
    async restartDatabase(how) {
      if (how === 'SIGKILL') send(postgres.program.pidFile, how)
      else await stopProgram(postgres.program, STOP_MS)
      await gone(postgres.program.pidFile)
      await postgres.start([])
    },
  }
}
