/** The fleet's PostgreSQL: Debian's, with a directory of its own, reached by a unix socket only. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { type Program, startProgram } from './processes.ts'

const VERSIONS = '/usr/lib/postgresql'
const USER = 'kilonova'
/** Under a directory that PostgreSQL's own user may enter, whatever leads to the fleet's. */
const ROOTS_DATA = '/var/tmp'
const START_MS = 20_000
const POLL_MS = 50

export interface PostgresPlan {
  readonly program: Program
  /** Makes what it needs on disk, once. */
  prepare(): void
  /** Removes all it has stored; it must not run. */
  erase(): void
  url(database: string): string
  /** Starts it, and resolves when it answers and each database is there. */
  start(databases: readonly string[]): Promise<void>
}

/** The newest installed. Throws when there is none. */
function programsFolder(): string {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : []
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0]
  if (newest === undefined) throw new Error('PostgreSQL is not installed: apt-get install postgresql')
  return join(VERSIONS, newest, 'bin')
}

/** The server refuses to run as root: then as the package's own user. */
function account(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

/** `fleet` tells this fleet from an earlier one in the same directory. */
export function planPostgres(stateDir: string, fleet: string): PostgresPlan {
  const bin = programsFolder()
  const owner = account()
  const hash = createHash('sha256').update(`${stateDir} ${fleet}`).digest('hex').slice(0, 12)
  const home = owner.uid === undefined ? join(stateDir, 'postgres') : join(ROOTS_DATA, `kilonova-${hash}`)
  const data = join(home, 'data')
  const url = (database: string): string => `postgresql://${USER}@/${database}?host=${home}`
  const settings = ['listen_addresses=', `unix_socket_directories=${home}`, 'max_connections=300']
  const program: Program = {
    ...owner,
    name: 'postgres',
    program: join(bin, 'postgres'),
    args: ['-D', data, ...settings.flatMap((each) => ['-c', each])],
    environment: { PATH: process.env['PATH'], LANG: 'C.UTF-8' },
    cwd: '/',
    logFile: join(stateDir, 'log', 'postgres.log'),
    pidFile: join(stateDir, 'run', 'postgres.pid'),
    // "Fast": connections are ended, what is committed stays.
    stopSignal: 'SIGINT',
  }
  return {
    url,
    program,
    prepare() {
      if (existsSync(join(data, 'PG_VERSION'))) return
      mkdirSync(home, { recursive: true, mode: 0o700 })
      if (owner.uid !== undefined && owner.gid !== undefined) chownSync(home, owner.uid, owner.gid)
      const initdb = ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8']
      execFileSync(join(bin, 'initdb'), initdb, { ...owner, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })
    },
    erase: () => rmSync(home, { recursive: true, force: true }),
    async start(databases) {
      const until = performance.now() + START_MS
      for (;;) {
        // After a kill it refuses to start until the last of its children has seen that it is alone.
        startProgram(program)
        try {
          return await makeDatabases(url('postgres'), databases)
        } catch (error) {
          if (performance.now() > until) throw error
          await delay(POLL_MS)
        }
      }
    },
  }
}

async function makeDatabases(url: string, names: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ datname: string }>('select datname from pg_database')
    for (const name of names)
      if (!rows.some(({ datname }) => datname === name)) await client.query(`create database ${name}`)
  } finally {
    await client.end()
  }
}
