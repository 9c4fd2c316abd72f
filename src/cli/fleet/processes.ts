/** Processes that outlive the command that started them: known by a file with their id and the time they started. */
import { spawn } from 'node:child_process'
import { mkdirSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface Program {
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  readonly cwd: string
  /** The user it runs as, when it is not ours. */
  readonly uid?: number
  readonly gid?: number
  /** Its output, appended. */
  readonly logFile: string
  readonly pidFile: string
  /** How it is asked to stop; SIGTERM unless said otherwise. */
  readonly stopSignal?: NodeJS.Signals
}

const POLL_MS = 50

/** Starts it unless it runs already; yields its process id. */
export function startProgram(program: Program): number {
  const known = runningPid(program.pidFile)
  if (known !== undefined) return known
  for (const path of [program.logFile, program.pidFile]) mkdirSync(dirname(path), { recursive: true })
  const log = openSync(program.logFile, 'a', 0o600)
  const { uid, gid } = program
  const child = spawn(program.program, program.args, {
    cwd: program.cwd,
    env: program.environment,
    detached: true,
    stdio: ['ignore', log, log],
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  })
  closeSync(log)
  // A program that is not there has no id; the error's words come with the event, too late for us.
  child.on('error', () => undefined)
  child.unref()
  if (child.pid === undefined) throw new Error(`${program.program} cannot be run`)
  writeFileSync(program.pidFile, `${child.pid} ${startTime(child.pid) ?? ''}\n`)
  return child.pid
}

/** The process's id, if it runs: another one that got the same id does not count. */
export function runningPid(pidFile: string): number | undefined {
  const [pid = '', started = ''] = read(pidFile)?.trim().split(' ') ?? []
  return pid !== '' && started !== '' && startTime(Number(pid)) === started ? Number(pid) : undefined
}

/** Asks it to stop, and ends it when it has not within `withinMs`. Says whether it ended by itself. */
export async function stopProgram(
  { pidFile, stopSignal = 'SIGTERM' }: Pick<Program, 'pidFile' | 'stopSignal'>,
  withinMs: number,
): Promise<boolean> {
  const pid = runningPid(pidFile)
  const ended = pid === undefined || (await stopped(pid, pidFile, stopSignal, withinMs))
  if (!ended) await stopped(pid, pidFile, 'SIGKILL', withinMs)
  rmSync(pidFile, { force: true })
  return ended
}

async function stopped(
  pid: number,
  pidFile: string,
  signal: NodeJS.Signals,
  withinMs: number,
): Promise<boolean> {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
  const until = performance.now() + withinMs
  while (runningPid(pidFile) !== undefined) {
    if (performance.now() > until) return false
    await delay(POLL_MS)
  }
  return true
}

/** When the process started, in the kernel's ticks; undefined when there is none, or only what is left of it. */
function startTime(pid: number): string | undefined {
  // The command's name, in parentheses, may hold anything.
  const fields = read(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ')
  return fields?.[0] === 'Z' ? undefined : fields?.[19]
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}
