/** A service as a child process: its log in a file, waited for until it answers, stopped with its whole group. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { eventually } from '../eventually.ts'
import { answers } from './oracle.ts'

export interface Service {
  readonly pid: number
  stop(): Promise<void>
}

export interface ServiceCommand {
  readonly program: string
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly logFile: string
  /** Anything it answers here means that it is there. */
  readonly url?: string
  readonly withinMs?: number
}

/** Starts it; throws with the end of its log when it does not come. */
export async function startService(command: ServiceCommand): Promise<Service> {
  const { program, args, environment = {}, logFile, url, withinMs = 60_000 } = command
  const log = openSync(logFile, 'a')
  const child = spawn(program, args, {
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...process.env, ...environment },
  })
  child.on('error', (error) => console.error(`${program}: ${error.message}`))
  if (url !== undefined) await untilAnswering(child, url, logFile, withinMs)
  return { pid: child.pid ?? 0, stop: () => stop(child) }
}

async function untilAnswering(child: ChildProcess, url: string, logFile: string, withinMs: number) {
  const isDead = () => child.exitCode !== null || child.signalCode !== null
  await eventually(async () => isDead() || (await answers(url)), { withinMs, everyMs: 200, what: url })
  if (isDead()) throw new Error(`${url} did not come:\n${readFileSync(logFile, 'utf8').slice(-2_000)}`)
}

const PATIENCE_MS = 15_000

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  process.kill(child.pid, 'SIGTERM')
  const timer = setTimeout(() => killGroup(child), PATIENCE_MS)
  await gone
  clearTimeout(timer)
}

function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL')
}
