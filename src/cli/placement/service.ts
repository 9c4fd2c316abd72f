/** placement-api as a process of its own: its database, its callers' Keystone, its port. */
import type { Config } from '#config/index.ts'
import type { Database } from '#db/kit/index.ts'
import { systemClock } from '#lib/clock.ts'
import { createHttpClient, type HttpClient } from '#lib/http/index.ts'
import { randomIds } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Metrics } from '#lib/metrics.ts'
import { withUndo } from '#lib/undo.ts'
import { createIdentity, type Identity } from '#neighbours/identity/index.ts'
import { isUpToDate, type PlacementApp } from '#placement/index.ts'
import type { Policy } from '#policy/index.ts'
import { UsageError } from '../arguments.ts'
import { databaseAnswers } from '../services/database.ts'
import { healthMounts } from '../services/health.ts'
import { createProcessMetrics, measureDatabase, metricsMount } from '../services/metrics.ts'
import { levelOf, logsOf } from '../services/log.ts'
import { makePlacement, makePolicy } from '../services/make.ts'
import { authtokenSession, tokenCacheMs } from '../services/neighbours.ts'
import { differences } from '../services/settings.ts'
import { RELOADABLE } from '../services/world.ts'
import { listen } from '../up/front-door.ts'
import { openPlacementDatabase, type PlacementSettings } from './settings.ts'

export interface PlacementService {
  readonly url: string
  /** Takes in what may change; yields the changed options that need a restart. */
  reload(next: PlacementSettings): Promise<readonly string[]>
  /** Answers what has come, then lets go of everything. */
  stop(): Promise<void>
}

export interface ServiceOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** The path that clients find it under, which links begin with. */
  readonly mountPath: string
}

/** Starts to listen; on failure nothing of it is left running. Throws `UsageError` for a configuration it cannot work with. */
export function startPlacementService(
  settings: PlacementSettings,
  { host, port, mountPath }: ServiceOptions,
): Promise<PlacementService> {
  const { config } = settings
  const level = { current: levelOf(config) }
  const logOf = logsOf(config, 'placement-api', level)
  return withUndo(async (undo) => {
    const closing: (() => Promise<void>)[] = []
    const later = (close: () => Promise<void>): void => {
      undo(close)
      closing.unshift(close)
    }
    const metrics = createProcessMetrics()
    const db = openPlacementDatabase(config)
    measureDatabase(metrics, db)
    later(() => db.close())
    const http = createHttpClient()
    later(() => http.close())
    if (!config.placement_database.sync_on_startup && !(await isUpToDate(db)))
      throw new UsageError('the tables are not up to date: run "placement-manage db sync"')
    const policy = await makePolicy(
      'placement',
      { file: settings.policyFile },
      { config, clock: systemClock, logOf },
    )
    const { app, start, close } = createApp(config, { db, http, metrics, policy, logOf, mountPath })
    later(close)
    await start()
    const door = await listen(host, port)
    later(() => door.drain())
    door.open([
      ...healthMounts(() => ({ database: () => databaseAnswers(db) }), { details: false }),
      metricsMount(metrics),
      { prefix: mountPath, app },
    ])
    return {
      url: `${door.url}${mountPath}`,
      async reload(next) {
        level.current = levelOf(next.config)
        await policy.reload()
        return differences(config, next.config).filter((option) => !RELOADABLE.has(option))
      },
      async stop() {
        for (const each of closing) await each()
      },
    }
  })
}

interface Ground {
  readonly db: Database
  readonly http: HttpClient
  readonly metrics: Metrics
  readonly policy: Policy
  readonly logOf: (service: string) => Log
  readonly mountPath: string
}

function createApp(config: Config, { db, http, metrics, policy, logOf, mountPath }: Ground): PlacementApp {
  const isOpen = config.api.auth_strategy === 'noauth2'
  return makePlacement({
    db,
    config,
    metrics,
    logOf,
    ids: randomIds,
    clock: systemClock,
    identity: isOpen ? 'noauth2' : identityOf(config, http),
    policy,
    mountPath,
    wwwAuthenticateUri: config.keystone_authtoken.www_authenticate_uri,
  })
}

function identityOf(config: Config, http: HttpClient): Identity {
  const { authUrl, session } = authtokenSession(config, { http, clock: systemClock })
  return createIdentity({ http, clock: systemClock, authUrl, session, cacheMs: tokenCacheMs(config) })
}
