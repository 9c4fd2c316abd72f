/** A small Keystone: real tokens, users, roles and a catalog, over HTTP. */
import type { Database } from '#db/kit/index.ts'
import type { Clock } from '#lib/clock.ts'
import { createHttpApp, type HttpApp } from '#lib/http/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import { createPolicy } from '#policy/index.ts'
import { bootstrap, type BootstrapInput } from './bootstrap.ts'
import { callerOf } from './caller.ts'
import { renderFault } from './faults.ts'
import { keystoneRules } from './policy-rules.ts'
import { addApplicationCredentialRoutes } from './routes/application-credentials.ts'
import { addAssignmentRoutes } from './routes/assignments.ts'
import { addAuthRoutes } from './routes/auth.ts'
import { addCatalogRoutes } from './routes/catalog.ts'
import type { Routes } from './routes/context.ts'
import { addLimitRoutes } from './routes/limits.ts'
import { addProjectRoutes } from './routes/projects.ts'
import { addRoleRoutes } from './routes/roles.ts'
import { addUserRoutes } from './routes/users.ts'
import { addVersionRoutes } from './routes/versions.ts'
import { createStore } from './store.ts'
import { migrations } from './tables.ts'
import { createTokens } from './tokens.ts'

export interface KeystoneOptions {
  readonly db: Database
  readonly log: Log
  readonly ids: Ids
  readonly clock: Clock
  /** The cloud's origin (`http://127.0.0.1:8774`), asked anew each time: the port may change from start to start. */
  readonly publicUrl: () => string
  /** Where Keystone hangs under the origin; default `/identity`. */
  readonly mountPath?: string
  /** How long a token lives; default one hour. */
  readonly tokenLifeMs?: number
}

export interface Keystone {
  readonly app: HttpApp
  /** Brings the tables up to date and the app to readiness. */
  start(): Promise<void>
  /** Makes sure that the domain, projects, users, roles and catalog are there; see `BootstrapInput`. Needs `start`. */
  bootstrap(input: BootstrapInput): Promise<void>
  close(): Promise<void>
}

/** Keystone's own limit on a request's body. */
const MAX_BODY_BYTES = 114_688
const TOKEN_LIFE_MS = 3_600_000

export function createKeystone(options: KeystoneOptions): Keystone {
  const { db, ids, clock, log } = options
  const store = createStore(db)
  const tokens = createTokens({ store, ids, clock })
  const policy = createPolicy({ rules: keystoneRules, enforceScope: false, log })
  const app = createHttpApp({ log, ids, renderFault, maxBodyBytes: MAX_BODY_BYTES })
  addAllRoutes({
    app,
    store,
    tokens,
    ids,
    clock,
    tokenLifeMs: options.tokenLifeMs ?? TOKEN_LIFE_MS,
    publicUrl: options.publicUrl,
    selfUrl: () => `${options.publicUrl()}${options.mountPath ?? '/identity'}/v3`,
    caller: (request) => callerOf(request, tokens, policy),
    newId: () => ids.uuid().replaceAll('-', ''),
  })
  return {
    app,
    async start() {
      await db.migrate('keystone', migrations)
      await app.ready()
    },
    bootstrap: (input) => bootstrap({ store, ids, log }, input),
    close: () => app.close(),
  }
}

function addAllRoutes(routes: Routes): void {
  const all = [
    addVersionRoutes,
    addAuthRoutes,
    addProjectRoutes,
    addUserRoutes,
    addRoleRoutes,
    addAssignmentRoutes,
    addCatalogRoutes,
    addApplicationCredentialRoutes,
    addLimitRoutes,
  ]
  for (const add of all) add(routes)
}
