/**
 * A PostgreSQL of the tests' own: from Debian's package, in a temporary folder, on a unix socket only.
 * KILONOVA_TEST_POSTGRES names another one to use (`postgresql://user@host/postgres`).
 */
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { eventually } from '../eventually.ts'

export interface Postgres {
  /** A URL of an administrator's, to make databases with. */
  readonly url: string
  /** The folder of its programs; empty of one that was given. */
  readonly programs: string
  stop(): Promise<void>
}

const APT = 'apt-get'
const VERSIONS = '/usr/lib/postgresql'
const isRoot = process.getuid?.() === 0

/** The one that was given, or a new one; a durable one keeps what it says it keeps, to be measured. Throws, saying what to install, when there is none to be had. */
export async function startPostgres({ isDurable = false } = {}): Promise<Postgres> {
  const given = process.env['KILONOVA_TEST_POSTGRES']
  if (given && !isDurable) return { url: given, programs: '', stop: async () => {} }
  return startOwn(programs() ?? install(), isDurable ? DURABLE : FAST)
}

/** The folder of the newest installed server's programs. */
function programs(): string | undefined {
  try {
    const newest = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))[0]
    return newest && join(VERSIONS, newest, 'bin')
  } catch {
    return undefined
  }
}

function install(): string {
  if (!isRoot) {
    throw new Error('PostgreSQL is not installed: apt-get install postgresql, or set KILONOVA_TEST_POSTGRES')
  }
  process.stderr.write('installing PostgreSQL for the contract tests (apt-get install postgresql)\n')
  // RUNLEVEL=1 keeps the package from starting a server of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const apt = (...args: string[]) =>
    execFileSync(APT, ['-q', '-y', ...args], { env, stdio: ['ignore', 2, 2] })
  apt('update')
  apt('install', '--no-install-recommends', 'postgresql')
  const bin = programs()
  if (!bin) throw new Error(`the package postgresql put nothing into ${VERSIONS}`)
  return bin
}

/** The server refuses to run as root: then as the package's own user. */
function account(): { uid?: number; gid?: number } {
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return isRoot ? { uid: idOf('-u'), gid: idOf('-g') } : {}
}

/** Nothing here must survive a power cut. */
const FAST = [
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'shared_buffers=32MB',
  'max_connections=100',
  'deadlock_timeout=50',
]

const DURABLE = ['shared_buffers=256MB', 'max_connections=100', 'deadlock_timeout=50']

/** Runs a server until our end of the pipe closes, even because we were killed; then nothing is left of it. */
const GUARDED = '"$@" & server=$!; read -r _; kill -QUIT $server; wait $server; cd /; rm -rf "$0"'

async function startOwn(bin: string, options: readonly string[]): Promise<Postgres> {
  const owner = account()
  const dir = mkdtempSync(join(isRoot ? '/tmp' : tmpdir(), 'kilonova-postgres-'))
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(dir, owner.uid, owner.gid)
  const data = join(dir, 'data')
  const how = { ...owner, cwd: dir }
  const initdb = ['-D', data, '-U', 'kilonova', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']
  execFileSync(join(bin, 'initdb'), initdb, { ...how, stdio: ['ignore', 'ignore', 'pipe'] })
  const settings = [...options, 'listen_addresses=', `unix_socket_directories=${dir}`].flatMap((set) => [
    '-c',
    set,
  ])
  const server = spawn('/bin/sh', ['-c', GUARDED, dir, join(bin, 'postgres'), '-D', data, ...settings], {
    ...how,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let said = ''
  server.stderr.on('data', (chunk) => (said += String(chunk)))
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const url = `postgresql://kilonova@/postgres?host=${dir}`
  const stop = async () => {
    server.stdin.end()
    await exited
  }
  await eventually(() => answers(url), { what: 'PostgreSQL' }).catch(async (error: unknown) => {
    await stop()
    throw new Error(`PostgreSQL did not start: ${said}`, { cause: error })
  })
  return { url, programs: bin, stop }
}

async function answers(url: string): Promise<true> {
  await asAdmin(url, 'select 1')
  return true
}

/** Runs one statement on a connection of its own. */
export async function asAdmin(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
