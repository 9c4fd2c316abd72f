/** The fleet's RabbitMQ: Debian's, as a node of its own name, directory, ports and cookie. */
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Ports } from './plan.ts'
import type { Program } from './processes.ts'

const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server'
const HOST = '127.0.0.1'
const START_MS = 60_000
const POLL_MS = 100

export interface RabbitPlan {
  /** Erlang's port mapper, then the broker. */
  readonly programs: readonly Program[]
  prepare(): void
  /** Resolves when it takes connections. */
  ready(): Promise<void>
}

export const transportUrl = (port: number): string => `rabbit://guest:guest@${HOST}:${port}/`

export function planRabbitMq(stateDir: string, ports: Ports): RabbitPlan {
  const home = join(stateDir, 'rabbitmq')
  const environment = {
    PATH: `${process.env['PATH']}:/usr/sbin:/usr/bin:/sbin:/bin`,
    LANG: 'C.UTF-8',
    HOME: home,
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: HOST,
    RABBITMQ_ALLOW_INPUT: '1',
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_NODENAME: `kilonova-${ports.rabbit}@localhost`,
    RABBITMQ_DIST_PORT: String(ports.distribution),
    RABBITMQ_BASE: home,
    RABBITMQ_MNESIA_BASE: join(home, 'mnesia'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins'),
  }
  const program = (name: string, path: string, args: readonly string[]): Program => ({
    name,
    program: path,
    args,
    environment,
    cwd: '/',
    logFile: join(stateDir, 'log', `${name}.log`),
    pidFile: join(stateDir, 'run', `${name}.pid`),
  })
  return {
    programs: [
      program('epmd', 'epmd', ['-port', String(ports.epmd), '-address', HOST]),
      program('rabbitmq', SERVER, ['-noinput']),
    ],
    prepare() {
      if (!existsSync(SERVER)) throw new Error('RabbitMQ is not installed: apt-get install rabbitmq-server')
      mkdirSync(home, { recursive: true, mode: 0o700 })
      const config = [
        `listeners.tcp.1 = ${HOST}:${ports.rabbit}`,
        'loopback_users = none',
        // On one machine with everything else, the broker's own alarms would stop it too soon.
        'disk_free_limit.absolute = 50MB',
      ]
      writeFileSync(join(home, 'rabbitmq.conf'), `${config.join('\n')}\n`)
      writeFileSync(join(home, 'enabled_plugins'), '[].\n')
      const cookie = join(home, '.erlang.cookie')
      if (existsSync(cookie)) return
      rmSync(cookie, { force: true })
      writeFileSync(cookie, home.replace(/\W/g, ''))
      chmodSync(cookie, 0o400)
    },
    async ready() {
      const until = performance.now() + START_MS
      while (!(await takesConnections(ports.rabbit))) {
        if (performance.now() > until) throw new Error(`RabbitMQ takes no connections within ${START_MS} ms`)
        await delay(POLL_MS)
      }
    },
  }
}

const takesConnections = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connectTo(port, HOST)
    const done = (result: boolean) => {
      socket.destroy()
      resolve(result)
    }
    socket.once('connect', () => done(true)).once('error', () => done(false))
  })
