/** The two Placements as processes: Debian's on the oracle's database, and ours. Callers' tokens are of any Keystone. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Oracle } from './oracle.ts'
import { type Service, startService } from './process.ts'

const run = promisify(execFile)
const BIN = resolve(import.meta.dirname, '../../bin')

/** Who validates tokens, and as whom Placement asks. */
export interface Login {
  readonly authUrl: string
  readonly username: string
  readonly password: string
}

export interface Started extends Service {
  readonly url: string
  readonly pid: number
}

const authtoken = ({ authUrl, username, password }: Login): string => `
[keystone_authtoken]
www_authenticate_uri = ${authUrl}
auth_type = password
auth_url = ${authUrl}
username = ${username}
password = ${password}
project_name = service
user_domain_name = Default
project_domain_name = Default
`

/** As Debian's service files have it, with one process. */
const UWSGI =
  '--plugins python3 --wsgi-file /usr/bin/placement-api --master --lazy-apps --enable-threads --processes 1 --threads 1 --die-on-term --buffer-size 65535 --post-buffering 65536 --no-orphans --disable-logging'.split(
    ' ',
  )

interface RealOptions {
  /** Takes its configuration and log. */
  readonly dir: string
  /** Made anew. */
  readonly database: string
  /** Left out: callers are taken at their word. */
  readonly login?: Login
  readonly port?: number
}

/** The real service, on empty tables. */
export async function startRealPlacement(
  oracle: Oracle,
  { dir, database, login, port: given }: RealOptions,
): Promise<Started> {
  const grant = (host: string) => `GRANT ALL ON ${database}.* TO oracle@${host}`
  await oracle.sql(
    [
      `DROP DATABASE IF EXISTS ${database}`,
      `CREATE DATABASE ${database} CHARACTER SET utf8`,
      grant("'127.0.0.1'"),
      grant('localhost'),
    ].join('; '),
  )
  const confDir = join(dir, 'real-placement')
  mkdirSync(confDir, { recursive: true })
  const conf = join(confDir, 'placement.conf')
  writeFileSync(
    conf,
    `[api]\nauth_strategy = ${login ? 'keystone' : 'noauth2'}\n[placement_database]\nconnection = ${oracle.databaseUrl(database)}\n${login ? authtoken(login) : ''}`,
  )
  await run('placement-manage', ['--config-file', conf, 'db', 'sync'])
  const port = given ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const service = await startService({
    program: 'uwsgi',
    args: ['--http-socket', `127.0.0.1:${port}`, ...UWSGI, '--add-header', 'Connection: close'],
    environment: { OS_PLACEMENT_CONFIG_DIR: confDir },
    logFile: join(dir, 'real-placement.log'),
    url: `${url}/`,
  })
  return { url, ...service }
}

interface OurOptions {
  readonly dir: string
  readonly databaseUrl: string
  readonly login: Login
  readonly port?: number
}

/** Ours, as an operator runs it. */
export async function startOurPlacement({
  dir,
  databaseUrl,
  login,
  port: given,
}: OurOptions): Promise<Started> {
  const conf = join(dir, 'placement.conf')
  writeFileSync(conf, `[placement_database]\nconnection = ${databaseUrl}\n${authtoken(login)}`)
  const port = given ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const service = await startService({
    program: process.execPath,
    args: [join(BIN, 'placement-api.mjs'), '--config-file', conf, '--port', String(port)],
    logFile: join(dir, 'our-placement.log'),
    url: `${url}/`,
  })
  return { url, ...service }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
