/** placement-api as a process of its own: its database, its callers' Keystone, its port. */
import type { Config } from '#config/index.ts'
import type { Database } from '#db/kit/index.ts'
import { systemClock } from '#lib/clock.ts'
import { createHttpClient, type HttpClient } from '#lib/http/index.ts'
import { randomIds } from '#lib/ids.ts'
import { createLog, type Log } from '#lib/log.ts'
import { withUndo } from '#lib/undo.ts'
import { createIdentity, createServiceSession, type Identity } from '#neighbours/identity/index.ts'
import { createPlacementApp, isUpToDate, type PlacementApp } from '#placement/index.ts'
import { loadPolicy, placementRules } from '#policy/index.ts'
import { UsageError } from '../arguments.ts'
import { listen } from '../up/front-door.ts'
import { corsOptions } from '../up/settings.ts'
import { openPlacementDatabase, type PlacementSettings } from './settings.ts'

export interface PlacementService {
  readonly url: string
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

const MS = 1_000

/** Starts to listen; on failure nothing of it is left running. Throws `UsageError` for a configuration it cannot work with. */
export function startPlacementService(
  settings: PlacementSettings,
  { host, port, mountPath }: ServiceOptions,
): Promise<PlacementService> {
  const { config } = settings
  const log = logOf(config)
  return withUndo(async (undo) => {
    const closing: (() => Promise<void>)[] = []
    const later = (close: () => Promise<void>): void => {
      undo(close)
      closing.unshift(close)
    }
    const db = openPlacementDatabase(config)
    later(() => db.close())
    const http = createHttpClient()
    later(() => http.close())
    if (!config.placement_database.sync_on_startup && !(await isUpToDate(db)))
      throw new UsageError('the tables are not up to date: run "placement-manage db sync"')
    const { app, start, close } = await createApp(settings, { db, http, log, mountPath })
    later(close)
    await start()
    const door = await listen(host, port)
    later(() => door.drain())
    door.open([{ prefix: mountPath, app }])
    return {
      url: `${door.url}${mountPath}`,
      async stop() {
        for (const each of closing) await each()
      },
    }
  })
}

interface Ground {
  readonly db: Database
  readonly http: HttpClient
  readonly log: Log
  readonly mountPath: string
}

async function createApp(
  { config, policyFile }: PlacementSettings,
  { db, http, log, mountPath }: Ground,
): Promise<PlacementApp> {
  const policy = await loadPolicy(policyFile, {
    rules: placementRules,
    enforceScope: config.oslo_policy.enforce_scope,
    log,
  })
  const { placement, keystone_authtoken: authtoken } = config
  return createPlacementApp({
    db,
    log,
    ids: randomIds,
    clock: systemClock,
    identity: config.api.auth_strategy === 'noauth2' ? 'noauth2' : identityOf(config, http),
    mountPath,
    policy: (rule, context, { projectId }) =>
      policy.allows(rule, context, projectId === undefined ? {} : { project_id: projectId }),
    incompleteConsumerProjectId: placement.incomplete_consumer_project_id,
    incompleteConsumerUserId: placement.incomplete_consumer_user_id,
    ...(authtoken.www_authenticate_uri !== null && { wwwAuthenticateUri: authtoken.www_authenticate_uri }),
    cors: corsOptions(config),
  })
}

function identityOf({ keystone_authtoken: given }: Config, http: HttpClient): Identity {
  const need = (name: 'auth_url' | 'username' | 'password' | 'project_name'): string => {
    const value = given[name]
    if (value === null) throw new UsageError(`[keystone_authtoken] ${name} is not set`)
    return value
  }
  const authUrl = need('auth_url')
  const session = createServiceSession({
    http,
    clock: systemClock,
    authUrl,
    username: need('username'),
    password: need('password'),
    projectName: need('project_name'),
    userDomainName: given.user_domain_name ?? 'Default',
    projectDomainName: given.project_domain_name ?? 'Default',
  })
  const cacheMs = Math.max(0, given.token_cache_time) * MS
  return createIdentity({ http, clock: systemClock, authUrl, session, cacheMs })
}

const STDERR = 2

const logOf = ({ DEFAULT }: Config): Log =>
  createLog('placement-api', {
    destination: DEFAULT.log_file === null ? STDERR : `${DEFAULT.log_dir ?? '.'}/${DEFAULT.log_file}`,
    level: DEFAULT.debug ? 'debug' : 'info',
  })
