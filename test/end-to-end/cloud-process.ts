/** The all-in-one as a process of its own, started as a newcomer does, for tests that need the real thing. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from '../eventually.ts'

const run = promisify(execFile)
export const ROOT = resolve(import.meta.dirname, '../..')
const LAUNCHER = join(ROOT, 'bin/kilonova.mjs')
const START_MS = 180_000

export interface CloudProcess {
  readonly stateDir: string
  readonly pid: number
  readonly endpoints: Readonly<Record<string, string>>
  /** What it printed so far. */
  output(): string
  /** Asks it to stop (SIGTERM) and waits until it is gone. */
  stop(): Promise<void>
  /** SIGKILL: no farewell. */
  kill(): Promise<void>
}

export const temporaryStateDir = (): string => mkdtempSync(join(tmpdir(), 'kilonova-'))

/** Starts the cloud and waits for its ready file. */
export async function startCloudProcess(
  stateDir: string,
  args: readonly string[] = [],
): Promise<CloudProcess> {
  const readyFile = join(stateDir, 'ready.json')
  rmSync(readyFile, { force: true })
  const child = spawn(
    process.execPath,
    [LAUNCHER, 'up', '--port', '0', '--state-dir', stateDir, '--ready-file', readyFile, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (printed += data.toString()))
  const ready = await eventually(
    () => {
      if (child.exitCode !== null) throw new Stopped(`the cloud stopped with ${child.exitCode}:\n${printed}`)
      return existsSync(readyFile) && readFileSync(readyFile, 'utf8').includes('\n')
        ? readFileSync(readyFile, 'utf8')
        : undefined
    },
    { withinMs: START_MS, everyMs: 20, what: `the ready file; printed so far:\n${printed}` },
  )
  const { pid, endpoints } = JSON.parse(ready) as { pid: number; endpoints: Record<string, string> }
  return {
    stateDir,
    pid,
    endpoints,
    output: () => printed,
    stop: () => end(child, pid, 'SIGTERM'),
    kill: () => end(child, pid, 'SIGKILL'),
  }
}

class Stopped extends Error {}

async function end(child: ChildProcess, pid: number, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>((done) => child.once('exit', () => done()))
  process.kill(pid, signal)
  if (signal === 'SIGKILL' && child.pid !== undefined && child.pid !== pid) child.kill(signal)
  await gone
}

/** Debian's `openstack` client against the cloud; yields what it printed. */
export async function openstack(stateDir: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run('openstack', args, {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: stateDir,
        OS_CLIENT_CONFIG_FILE: join(stateDir, 'clouds.yaml'),
        OS_CLOUD: 'kilonova-demo',
        LANG: 'C.UTF-8',
      },
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout
  } catch (error) {
    throw new Error(`openstack ${args.join(' ')}: ${(error as { stderr?: string }).stderr ?? ''}`, {
      cause: error,
    })
  }
}

/** What of a cloud is on the machine: processes of guests, their directories, taps. */
export function remains(
  stateDir: string,
  guests = 'instances',
): { processes: string[]; guestDirs: string[]; taps: string[] } {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => [pid, commandLine(pid)] as const)
    .filter(([, line]) => line.includes('qemu-system') && line.includes(stateDir))
    .map(([pid, line]) => `${pid} ${line}`)
  const instances = join(stateDir, guests)
  const guestDirs = existsSync(instances)
    ? readdirSync(instances).filter((name) => /^[0-9a-f-]{36}$/.test(name))
    : []
  const taps = readdirSync('/sys/class/net').filter((name) => name.startsWith('tap'))
  return { processes, guestDirs, taps }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code === 'ENOENT' ||
      (error as NodeJS.ErrnoException).code === 'ESRCH'
    )
      return ''
    throw error
  }
}
