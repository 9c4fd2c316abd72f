/**
 * The real services (../shared/oracle, or `--oracle DIR`): found, started when they are not running, stopped
 * again by whoever started them. What is asked of them beyond that goes through their own programs.
 */
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')

export interface Oracle {
  /** Where it keeps state, logs and configuration. */
  readonly home: string
  /** Keystone's URL, with /v3. */
  readonly authUrl: string
  readonly password: string
  /** Its variables, as its own scripts have them: `P_NOVA`, `ETC`, `RUN` … */
  readonly variables: Readonly<Record<string, string>>
  /** Runs SQL as the root of its database. */
  sql(text: string): Promise<string>
  /** The URL of a database of its server, as its services write it. */
  databaseUrl(name: string): string
  /** Runs `down`, of these services or of all. */
  down(...names: readonly string[]): Promise<void>
  /** Runs `up` again: what runs is left alone. */
  up(...args: readonly string[]): Promise<void>
  /** Stops everything, if it was not running before. */
  release(): Promise<void>
}

/** The folder of the oracle's scripts. Throws when there is none. */
export function findOracle(given: string | undefined): string {
  const folder = resolve(given ?? join(ROOT, '../shared/oracle'))
  if (!existsSync(join(folder, 'up')))
    throw new Error(`there is no ${join(folder, 'up')}: say where the real services are with --oracle DIR`)
  return folder
}

/** Has it running. `args` are those of `up`, used when it is not running yet. */
export async function startOracle(folder: string, args: readonly string[]): Promise<Oracle> {
  const variables = await variablesOf(folder)
  const of = (name: string): string => variables[name] ?? ''
  const authUrl = `http://${of('IP')}:${of('P_KEYSTONE')}/v3`
  const up = (...more: readonly string[]) => shown(join(folder, 'up'), more)
  const down = (...names: readonly string[]) => shown(join(folder, 'down'), names)
  const wasRunning = await answers(authUrl)
  if (!wasRunning) {
    console.log('starting the real services (the first time takes some minutes) …')
    await up(...args)
  }
  return {
    home: of('H'),
    authUrl,
    password: of('PW'),
    variables,
    up,
    down,
    async sql(text) {
      const login = ['--no-defaults', `--socket=${of('RUN')}/mysql.sock`, '-uroot', '-N', '-B']
      return (await run('mariadb', [...login, '-e', text])).stdout
    },
    databaseUrl: (name) =>
      `mysql+pymysql://oracle:${of('PW')}@${of('IP')}:${of('P_MYSQL')}/${name}?charset=utf8`,
    release: () => (wasRunning ? Promise.resolve() : down()),
  }
}

async function variablesOf(folder: string): Promise<Record<string, string>> {
  const script = `. "${join(folder, 'env.sh')}"; for name in H RUN LOG ETC LIB IP PW WORKERS \${!P_*}; do echo "$name=\${!name}"; done`
  const { stdout } = await run('bash', ['-c', script])
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

export async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).status > 0
  } catch {
    return false
  }
}

function shown(program: string, args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', fail)
    child.on('exit', (code) =>
      code === 0 ? done() : fail(new Error(`${program} ${args.join(' ')} ended with ${code}`)),
    )
  })
}
