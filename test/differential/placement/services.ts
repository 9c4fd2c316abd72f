/** The two that are compared, each on tables of its own, with the same Keystone: Debian's Placement, and ours. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { type Token, tokenOf } from '../../interop/keystone-token.ts'
import type { Oracle } from '../../interop/oracle.ts'
import { type Service, startService } from '../../interop/process.ts'
import { type Endpoint, endpointAt, type Who } from './client.ts'

const run = promisify(execFile)
const BIN = resolve(import.meta.dirname, '../../../bin')
const DATABASE = 'placement_differential'

export interface Pair {
  readonly ours: Endpoint
  readonly theirs: Endpoint
  stop(): Promise<void>
}

/** Starts both on empty tables. `dir` takes configurations and logs; `databaseUrl` is ours. */
export async function startPair(oracle: Oracle, dir: string, databaseUrl: string): Promise<Pair> {
  mkdirSync(dir, { recursive: true })
  const tokens = await tokensOf(oracle)
  const theirs = await startTheirs(oracle, dir)
  try {
    const ours = await startOurs(oracle, dir, databaseUrl)
    return {
      ours: endpointAt(ours.url, tokens),
      theirs: endpointAt(theirs.url, tokens),
      async stop() {
        await ours.service.stop()
        await theirs.service.stop()
      },
    }
  } catch (error) {
    await theirs.service.stop()
    throw error
  }
}

async function tokensOf({ authUrl, password }: Oracle): Promise<Record<Who, string | undefined>> {
  const of = async (name: string, project: string): Promise<Token> =>
    tokenOf({ authUrl, name, password, project })
  const [service, reader, member] = [
    await of('placement', 'service'),
    await of('reader', 'demo'),
    await of('demo', 'demo'),
  ]
  return {
    service: service.token,
    reader: reader.token,
    member: member.token,
    nobody: undefined,
    forged: 'forged',
  }
}

const authtoken = ({ authUrl, password }: Oracle): string => `
[keystone_authtoken]
www_authenticate_uri = ${authUrl}
auth_type = password
auth_url = ${authUrl}
username = placement
password = ${password}
project_name = service
user_domain_name = Default
project_domain_name = Default
`

interface Started {
  readonly url: string
  readonly service: Service
}

/** As Debian's service files have it, with one process. */
const UWSGI =
  '--plugins python3 --wsgi-file /usr/bin/placement-api --master --lazy-apps --enable-threads --processes 1 --threads 1 --die-on-term --buffer-size 65535 --post-buffering 65536 --no-orphans --disable-logging'.split(
    ' ',
  )

async function startTheirs(oracle: Oracle, dir: string): Promise<Started> {
  await oracle.sql(
    `DROP DATABASE IF EXISTS ${DATABASE}; CREATE DATABASE ${DATABASE} CHARACTER SET utf8; GRANT ALL ON ${DATABASE}.* TO oracle@'127.0.0.1'; GRANT ALL ON ${DATABASE}.* TO oracle@localhost`,
  )
  const confDir = join(dir, 'theirs')
  mkdirSync(confDir, { recursive: true })
  const conf = join(confDir, 'placement.conf')
  writeFileSync(
    conf,
    `[api]\nauth_strategy = keystone\n[placement_database]\nconnection = ${oracle.databaseUrl(DATABASE)}\n${authtoken(oracle)}`,
  )
  await run('placement-manage', ['--config-file', conf, 'db', 'sync'])
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const service = await startService({
    program: 'uwsgi',
    args: ['--http-socket', `127.0.0.1:${port}`, ...UWSGI, '--add-header', 'Connection: close'],
    environment: { OS_PLACEMENT_CONFIG_DIR: confDir },
    logFile: join(dir, 'theirs.log'),
    url: `${url}/`,
  })
  return { url, service }
}

async function startOurs(oracle: Oracle, dir: string, databaseUrl: string): Promise<Started> {
  const conf = join(dir, 'placement.conf')
  writeFileSync(conf, `[placement_database]\nconnection = ${databaseUrl}\n${authtoken(oracle)}`)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const service = await startService({
    program: process.execPath,
    args: [join(BIN, 'placement-api.mjs'), '--config-file', conf, '--port', String(port)],
    logFile: join(dir, 'ours.log'),
    url: `${url}/`,
  })
  return { url, service }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
