/**
 * QEMU as a process of its own session that outlives us. Who it is is read from /proc each time, its
 * start time and command line, so that a recycled process id is never taken for a guest.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import type { Clock } from '#lib/clock.ts'

export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks between the host's boot and the process's start: with the pid, unique. */
  readonly startTicks: string
}

const POLL_MS = 10

/** The process's start time, or undefined when it is gone or a zombie. */
async function startTicksOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
  if (stat === undefined) return undefined
  // The name in brackets may hold spaces and brackets: fields count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

/** A process's program and arguments; empty when it is gone. */
export async function commandLineOf(pid: number): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  // Each ends with a zero byte, the last one too.
  return text.split('\0').slice(0, -1)
}

export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const startTicks = await startTicksOf(pid)
  return startTicks === undefined ? undefined : { pid, startTicks }
}

export const isAlive = async (process: ProcessIdentity): Promise<boolean> =>
  (await startTicksOf(process.pid)) === process.startTicks

/** Waits until the process is gone: false when it is still there after `timeoutMs`. */
export async function waitGone(process: ProcessIdentity, timeoutMs: number, clock: Clock): Promise<boolean> {
  const end = clock.now() + timeoutMs
  while (await isAlive(process)) {
    if (clock.now() >= end) return false
    await clock.sleep(POLL_MS)
  }
  return true
}

/** Ends the process: asked first, killed after `graceMs`. Gone already is success. */
export async function endProcess(target: ProcessIdentity, graceMs: number, clock: Clock): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await isAlive(target))) return
    try {
      process.kill(target.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    if (await waitGone(target, graceMs, clock)) return
  }
  throw new Error(`process ${target.pid} does not end`)
}

/** The running processes that `isOurs` knows by their command line for a guest's: uuid → process. */
export async function findGuests(
  isOurs: (commandLine: readonly string[]) => string | undefined,
): Promise<Map<string, ProcessIdentity>> {
  const found = new Map<string, ProcessIdentity>()
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid)) continue
    const uuid = isOurs(await commandLineOf(pid))
    const identity = uuid === undefined ? undefined : await identify(pid)
    if (uuid !== undefined && identity !== undefined) found.set(uuid, identity)
  }
  return found
}

export interface Launched {
  readonly pid: number
  /** How the process ended, once it has: `exit code 1`, `signal SIGKILL`. */
  readonly ended: Promise<string>
}

/** Starts a program in a session of its own, with an empty environment; what it says goes to `logPath`. */
export async function launch(program: string, args: readonly string[], logPath: string): Promise<Launched> {
  const log = openSync(logPath, 'a', 0o600)
  try {
    const child = spawn(program, [...args], {
      detached: true,
      env: {},
      cwd: '/',
      stdio: ['ignore', log, log],
    })
    const started = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<string>()
    child.on('spawn', started.resolve)
    child.on('error', started.reject)
    child.on('exit', (code, signal) => {
      ended.resolve(signal === null ? `exit code ${String(code)}` : `signal ${signal}`)
    })
    await started.promise
    child.unref()
    if (child.pid === undefined) throw new Error('the process has no id')
    return { pid: child.pid, ended: ended.promise }
  } finally {
    closeSync(log)
  }
}
