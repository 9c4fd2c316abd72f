/** The small servers of the plane (dnsmasq, haproxy) as child processes: started, watched, and gone when we are. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'

export interface ChildSpec {
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  /** What it prints when it serves; without it, having started is enough. */
  readonly readyWhen?: string
}

export interface Children {
  /** Starts it beside a running one of the same name, which its caller stops. Throws with its words when it ends at once. */
  start(spec: ChildSpec): Promise<void>
  pid(name: string): number | undefined
  signal(name: string, signal: NodeJS.Signals): void
  /** Ends it; nothing there is success. */
  stop(name: string): Promise<void>
  stopAll(): Promise<void>
}

export interface ChildrenDeps {
  readonly log: Log
  readonly clock: Clock
  /** A child ended that nobody stopped. */
  readonly onDeath: (name: string) => void
}

const READY_MS = 5_000
const STOP_MS = 2_000
const MAX_SAID = 4_000

export function createChildren(deps: ChildrenDeps): Children {
  const running = new Map<string, ChildProcess>()
  const stop = async (name: string): Promise<void> => {
    const child = running.get(name)
    if (!child) return
    running.delete(name)
    await end(child, deps.clock)
  }
  return {
    async start(spec) {
      const child = spawn(spec.program, spec.args, { stdio: ['ignore', 'ignore', 'pipe'], detached: false })
      const said = listen(child, spec, deps.log)
      running.set(spec.name, child)
      child.on('close', (code, signal) => {
        if (running.get(spec.name) !== child) return
        running.delete(spec.name)
        deps.log.warn({ child: spec.name, code, signal, said: said.text }, 'a network server ended by itself')
        deps.onDeath(spec.name)
      })
      await ready(child, spec, said, deps.clock)
    },
    pid: (name) => running.get(name)?.pid,
    signal: (name, signal) => void running.get(name)?.kill(signal),
    stop,
    async stopAll() {
      await Promise.all([...running.keys()].map(stop))
    },
  }
}

interface Said {
  text: string
  readonly isReady: Promise<void>
}

/** Keeps the last of what it says, and drains the rest: a full pipe would stop it. */
function listen(child: ChildProcess, spec: ChildSpec, log: Log): Said {
  const { promise, resolve } = Promise.withResolvers<void>()
  const said: Said = { text: '', isReady: promise }
  if (spec.readyWhen === undefined) child.once('spawn', resolve)
  child.stderr?.on('data', (chunk: Buffer) => {
    const text = chunk.toString()
    said.text = `${said.text}${text}`.slice(-MAX_SAID)
    log.debug({ child: spec.name }, text.trimEnd())
    if (spec.readyWhen !== undefined && said.text.includes(spec.readyWhen)) resolve()
  })
  return said
}

async function ready(child: ChildProcess, spec: ChildSpec, said: Said, clock: Clock): Promise<void> {
  const given = new AbortController()
  const ended = new Promise<never>((_resolve, reject) => {
    child.once('error', (error) => reject(new Error(`${spec.program} did not start`, { cause: error })))
    child.once('close', () => reject(new Error(`${spec.name} ended at once: ${said.text.trim()}`)))
  })
  const late = clock.sleep(READY_MS, given.signal).then(
    () => Promise.reject(new Error(`${spec.name} was not ready in ${READY_MS} ms: ${said.text.trim()}`)),
    () => undefined,
  )
  try {
    await Promise.race([said.isReady, ended, late])
  } finally {
    given.abort()
    ended.catch(() => {})
  }
}

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

async function end(child: ChildProcess, clock: Clock): Promise<void> {
  if (isOver(child)) return
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  const given = new AbortController()
  const killed = clock.sleep(STOP_MS, given.signal).then(
    () => child.kill('SIGKILL'),
    () => false,
  )
  await closed
  given.abort()
  await killed
}

/**
 * Kills what an earlier run of this cloud left behind: processes whose command line names `runDir`.
 * They were its children and would have ended with it, had it not been killed.
 */
export async function killLeftovers(runDir: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  const left = pids.filter((pid, i) => Number(pid) !== process.pid && isServer(lines[i] ?? '', runDir))
  for (const pid of left) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  return left.length
}

function isServer(commandLine: string, runDir: string): boolean {
  const [program = ''] = commandLine.split('\0')
  return /(^|\/)(dnsmasq|haproxy)$/.test(program) && commandLine.includes(`${runDir}/`)
}
