/** Placement as a service: its tables brought up to date, its API as an app to be mounted or listened with. */
import type { Database } from '#db/kit/index.ts'
import type { Clock } from '#lib/clock.ts'
import type { HttpApp } from '#lib/http/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Identity } from '#neighbours/identity/port.ts'
import { Desk } from './candidates/desk.ts'
import { createClaimQueue } from './db/claim-queue.ts'
import { PLACEMENT_MIGRATION_SET, PLACEMENT_MIGRATIONS } from './db/migrations.ts'
import type { PlacementTables } from './db/tables.ts'
import { createEngine } from './engine/engine.ts'
import { byKeystone, byOwnWord } from './http/authentication.ts'
import type { CorsOptions } from './http/cors.ts'
import { endpoints } from './http/endpoints.ts'
import { servePlacement } from './http/serve.ts'
import { defaultPolicy, type PolicyCheck } from './policy.ts'

const NO_OWNER = '00000000-0000-0000-0000-000000000000'
const MAX_BODY_BYTES = 1_048_576

export interface PlacementDependencies {
  readonly db: Database
  /** `noauth2`: callers are believed whoever they say they are. For tests. */
  readonly identity: Identity | 'noauth2'
  readonly log: Log
  readonly ids: Ids
  readonly clock: Clock
  /** The rules' defaults, when left out. */
  readonly policy?: PolicyCheck
  /** The path the app is mounted at, without a trailing slash, which links begin with. */
  readonly mountPath?: string
  /** `[oslo_middleware] enable_proxy_headers_parsing`. */
  readonly trustsProxy?: boolean
  /** `[placement] incomplete_consumer_project_id` and `_user_id`. */
  readonly incompleteConsumerProjectId?: string
  readonly incompleteConsumerUserId?: string
  /** Larger request bodies get 413. */
  readonly maxBodyBytes?: number
  /** `[keystone_authtoken] www_authenticate_uri`. */
  readonly wwwAuthenticateUri?: string
  /** A source of chance, when `[placement] randomize_allocation_candidates` is set. */
  readonly randomizeCandidates?: () => number
  /** `[cors]`; left out, scripts of other origins are told nothing. */
  readonly cors?: CorsOptions
}

export interface PlacementApp {
  readonly app: HttpApp
  /** Brings the tables up to date and makes the app ready for requests. */
  start(): Promise<void>
  close(): Promise<void>
  /** How much is held in memory, by kind. */
  sizes(): Readonly<Record<string, number>>
}

export function createPlacementApp(dependencies: PlacementDependencies): PlacementApp {
  const { db, identity, log, ids, clock } = dependencies
  const engine = createEngine({ db, clock, log })
  const app = servePlacement({
    scope: {
      engine,
      claims: createClaimQueue({ db, clock }),
      desk: new Desk(),
      random: dependencies.randomizeCandidates,
      log,
      db: db.typed<PlacementTables>(),
      database: db,
      clock,
      ids,
      policy: dependencies.policy ?? defaultPolicy(),
      options: {
        incompleteConsumerProjectId: dependencies.incompleteConsumerProjectId ?? NO_OWNER,
        incompleteConsumerUserId: dependencies.incompleteConsumerUserId ?? NO_OWNER,
        mountPath: dependencies.mountPath ?? '',
        trustsProxy: dependencies.trustsProxy ?? false,
      },
    },
    authenticate: identity === 'noauth2' ? byOwnWord : byKeystone(identity, dependencies.wwwAuthenticateUri),
    log,
    endpoints,
    maxBodyBytes: dependencies.maxBodyBytes ?? MAX_BODY_BYTES,
    cors: dependencies.cors,
  })
  return {
    app,
    sizes: () => engine.sizes(),
    async start() {
      await db.migrate(PLACEMENT_MIGRATION_SET, PLACEMENT_MIGRATIONS)
      await app.ready()
      engine.start()
    },
    async close() {
      await engine.close()
      await app.close()
    },
  }
}
