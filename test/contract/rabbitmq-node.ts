/**
 * A RabbitMQ of the tests' own: from Debian's package, as a node of its own name, folder, ports and cookie,
 * beside whatever else runs. It dies with the process that started it.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { connect } from 'amqplib'
import { eventually } from '../eventually.ts'

export interface RabbitMqNode {
  /** `rabbit://…`, as in nova.conf. */
  readonly transportUrl: string
  readonly port: number
  /** The same broker over TLS, with a certificate for 127.0.0.1 of its own making. */
  readonly tls: { readonly transportUrl: string; readonly caFile: string }
  /** Kills it as a power cut would. */
  kill(): Promise<void>
  /** After `kill`: the same node, with what it had stored. */
  start(): Promise<void>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

const APT = 'apt-get'
const OPENSSL = 'openssl'
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server'
const KEEP = 'keep'
const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Runs epmd and the broker until our end of the pipe closes, even because we were killed; then nothing is left of
 * them, nor of their folder unless we said that we keep it.
 */
const GUARDED = `
epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 & epmd=$!
RABBITMQ_ALLOW_INPUT=1 ${SERVER} -noinput > "$HOME/output" 2>&1 < /dev/null & broker=$!
read -r what
kill -KILL $broker $epmd
wait $broker $epmd 2> /dev/null
[ "$what" = ${KEEP} ] || { cd /; rm -rf "$HOME"; }
`

/** Starts a node, which takes some seconds. Throws, saying what to install, when there is no RabbitMQ to be had. */
export async function startRabbitMq(): Promise<RabbitMqNode> {
  if (!existsSync(SERVER)) install()
  const dir = mkdtempSync('/tmp/kilonova-rabbitmq-')
  const [port = 0, tlsPort = 0, epmd = 0, distribution = 0] = await freePorts(4)
  const caFile = makeCertificate(dir)
  const environment = writeFiles(dir, { port, tlsPort, epmd, distribution })
  const connectTo = `amqp://guest:guest@127.0.0.1:${port}`
  let running: Running | undefined

  const start = async () => {
    running = run(environment)
    const { exited } = running
    await Promise.race([
      eventually(() => answers(connectTo), { what: 'RabbitMQ', withinMs: 60_000, everyMs: 100 }),
      exited.then((said) => Promise.reject(new Error(`RabbitMQ did not start: ${said}`))),
    ])
  }
  const end = async (words: string) => {
    await running?.end(words)
    running = undefined
  }
  const kill = () => end(KEEP)
  const stop = async () => {
    await end('')
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  const urlOf = (scheme: string, at: number) => `${scheme}://guest:guest@127.0.0.1:${at}/`
  const tls = { transportUrl: urlOf('rabbit+ssl', tlsPort), caFile }
  return { transportUrl: urlOf('rabbit', port), port, tls, kill, start, stop }
}

function install(): void {
  if (process.getuid?.() !== 0) throw new Error('RabbitMQ is not installed: apt-get install rabbitmq-server')
  process.stderr.write('installing RabbitMQ for the contract tests (apt-get install rabbitmq-server)\n')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args: string[]) =>
    execFileSync(APT, ['-q', '-y', ...args], { env, stdio: ['ignore', 2, 2] })
  // The package would start a broker of its own.
  const ownsPolicy = !existsSync(POLICY)
  if (ownsPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    apt('update')
    apt('install', '--no-install-recommends', 'rabbitmq-server')
  } finally {
    if (ownsPolicy) rmSync(POLICY)
  }
}

/** Signed by itself; yields its path. */
function makeCertificate(dir: string): string {
  const [key, certificate] = [join(dir, 'key.pem'), join(dir, 'certificate.pem')]
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const whose = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync(OPENSSL, ['req', ...kind, ...whose, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  })
  return certificate
}

interface Ports {
  readonly port: number
  readonly tlsPort: number
  readonly epmd: number
  readonly distribution: number
}

/** The node's configuration; yields its environment. */
function writeFiles(dir: string, ports: Ports): Record<string, string> {
  const config = [
    `listeners.tcp.1 = 127.0.0.1:${ports.port}`,
    `listeners.ssl.1 = 127.0.0.1:${ports.tlsPort}`,
    `ssl_options.certfile = ${join(dir, 'certificate.pem')}`,
    `ssl_options.keyfile = ${join(dir, 'key.pem')}`,
    'loopback_users = none',
    // A small machine's alarms are not what is tested.
    'disk_free_limit.absolute = 1MB',
    'vm_memory_high_watermark.absolute = 512MB',
    'raft.wal_max_size_bytes = 16777216',
  ]
  writeFileSync(join(dir, 'rabbitmq.conf'), `${config.join('\n')}\n`)
  writeFileSync(join(dir, 'enabled_plugins'), '[].\n')
  writeFileSync(join(dir, '.erlang.cookie'), dir.replace(/\W/g, ''))
  chmodSync(join(dir, '.erlang.cookie'), 0o400)
  return {
    PATH: `${process.env['PATH']}:/usr/sbin:/usr/bin:/sbin:/bin`,
    LANG: 'C.UTF-8',
    HOME: dir,
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_NODENAME: `kilonova-${ports.epmd}@localhost`,
    RABBITMQ_DIST_PORT: String(ports.distribution),
    RABBITMQ_BASE: dir,
    RABBITMQ_MNESIA_BASE: join(dir, 'mnesia'),
    RABBITMQ_LOG_BASE: join(dir, 'log'),
    RABBITMQ_CONFIG_FILE: join(dir, 'rabbitmq'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
  }
}

interface Running {
  /** What it said, once it is gone. */
  readonly exited: Promise<string>
  end(words: string): Promise<void>
}

function run(env: Readonly<Record<string, string>>): Running {
  const shell = spawn('/bin/sh', ['-c', GUARDED], { env, detached: true, stdio: ['pipe', 'ignore', 'pipe'] })
  let said = ''
  shell.stderr.on('data', (chunk) => (said += String(chunk)))
  const exited = new Promise<string>((resolve) => shell.once('exit', () => resolve(said)))
  return {
    exited,
    async end(words) {
      shell.stdin.end(`${words}\n`)
      await exited
    },
  }
}

async function answers(url: string): Promise<true> {
  const connection = await connect(url, { timeout: 2_000 })
  await connection.close()
  return true
}

/** Ports that are free now, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) =>
          server.once('listening', () => resolve((server.address() as AddressInfo).port)),
        ),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
