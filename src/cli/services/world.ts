/** What a service process stands on, opened when its service asks for it: database, bus, neighbours, policy. */
import type { Bus } from '#bus/port.ts'
import type { Config } from '#config/index.ts'
import type { Database } from '#db/kit/index.ts'
import { systemClock } from '#lib/clock.ts'
import { createHttpClient } from '#lib/http/index.ts'
import { randomIds } from '#lib/ids.ts'
import type { Policy } from '#policy/index.ts'
import { makeBus } from './bus.ts'
import { awaitSchema, databaseAnswers, openNovaDatabase } from './database.ts'
import type { Check } from './health.ts'
import { levelOf, logsOf } from './log.ts'
import { type Footing, makePolicy } from './make.ts'
import { createProcessMetrics, measureBus, measureDatabase } from './metrics.ts'
import { configuredNeighbours, type Neighbours } from './neighbours.ts'
import type { ServiceSettings } from './settings.ts'

type Reload = (next: ServiceSettings) => Promise<void>

/** `[group] option` of what counts at once when it is read again; the rest needs a restart. */
export const RELOADABLE: ReadonlySet<string> = new Set(['[DEFAULT] debug'])

export interface World extends Footing {
  /** Asked to stop, a compute stops its guests too. */
  readonly stopGuests: boolean
  /** With tables of this release; waits for one that is away. Throws `UsageError` when they are of another. */
  database(): Promise<Database>
  bus(): Bus
  /** Throws `UsageError` when nova.conf does not say how to reach them. */
  neighbours(): Neighbours
  /** Of the compute API; `reload` reads its file again. */
  policy(): Promise<Policy>
  /** What was opened, and whether it works. */
  readonly checks: Record<string, Check>
  /** The process must end, and say why. */
  fail(error: Error): void
  /** Reads again what may change while the service runs. */
  readonly reloads: Reload[]
}

const IDENTITY_MS = 2_500

/** `later` is given what closes each thing that was opened. */
export function createWorld(
  binary: string,
  { config, policy: policySources }: ServiceSettings,
  options: {
    readonly stopGuests: boolean
    readonly later: (close: () => Promise<void>) => void
    readonly fail: (error: Error) => void
    readonly signal?: AbortSignal | undefined
  },
): World {
  const level = { current: levelOf(config) }
  const logOf = logsOf(config, binary, level)
  const checks: Record<string, Check> = {}
  const reloads: Reload[] = [
    async ({ config: next }) => {
      level.current = levelOf(next)
    },
  ]
  const metrics = createProcessMetrics()
  const { later } = options
  return {
    config,
    clock: systemClock,
    ids: randomIds,
    logOf,
    metrics,
    checks,
    reloads,
    stopGuests: options.stopGuests,
    fail: options.fail,
    async database() {
      const log = logOf('database')
      const db = openNovaDatabase(config, log)
      later(() => db.close())
      checks['database'] = () => databaseAnswers(db)
      await awaitSchema(db, { clock: systemClock, log, signal: options.signal })
      measureDatabase(metrics, db)
      return db
    },
    bus() {
      const bus = makeBus({ config, clock: systemClock, ids: randomIds, metrics, logOf })
      measureBus(metrics, bus)
      later(() => bus.close())
      checks['bus'] = async () => {
        if (!bus.isConnected()) throw new Error('not connected')
      }
      return bus
    },
    neighbours() {
      const http = createHttpClient()
      later(() => http.close())
      checks['identity'] = async () => {
        const url = config.keystone_authtoken.auth_url ?? ''
        await http.send({ method: 'GET', url, timeoutMs: IDENTITY_MS })
      }
      return configuredNeighbours(config, { http, clock: systemClock })
    },
    async policy() {
      const policy = await makePolicy('compute', policySources, { config, clock: systemClock, logOf })
      reloads.push(() => policy.reload())
      return policy
    },
  }
}

/** Where clients find what answers point to, as far as nova.conf does not say. */
export const publicUrlsOf = ({ keystone_authtoken: { auth_url }, glance, DEFAULT }: Config) => ({
  identity: auth_url ?? '',
  image: glance.endpoint_override ?? `http://${DEFAULT.my_ip}:9292`,
})
