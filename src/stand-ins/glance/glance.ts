/** A small Glance: images with their data, over HTTP. */
import type { Database } from '#db/kit/index.ts'
import type { Clock } from '#lib/clock.ts'
import { createHttpApp, type HttpApp } from '#lib/http/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Identity } from '#neighbours/identity/port.ts'
import { createPolicy } from '#policy/index.ts'
import { createAccess } from './caller.ts'
import { renderFault } from './faults.ts'
import { createFileStore, type FileStore } from './file-store.ts'
import { glanceRules } from './policy-rules.ts'
import type { Routes } from './routes/context.ts'
import { addFileRoutes } from './routes/files.ts'
import { addImageRoutes } from './routes/images.ts'
import { addMemberRoutes } from './routes/members.ts'
import { addMetadefRoutes } from './routes/metadefs.ts'
import { addInfoRoutes, addVersionRoutes } from './routes/versions.ts'
import { createStore, type Store } from './store.ts'
import { migrations } from './tables.ts'

export interface GlanceOptions {
  readonly db: Database
  /** Validates callers' tokens. */
  readonly identity: Identity
  /** Where images' bytes are kept; made when it is not there. */
  readonly storeDir: string
  readonly log: Log
  readonly ids: Ids
  readonly clock: Clock
  /** The cloud's origin (`http://127.0.0.1:8774`). */
  readonly publicUrl: () => string
  /** Where Glance hangs under the origin; default `/image`. */
  readonly mountPath?: string
  /** The largest image in bytes (`image_size_cap`); default 1 TiB. */
  readonly maxImageBytes?: number
}

export interface Glance {
  readonly app: HttpApp
  /** Brings the tables up to date, and clears away what a crash left of uploads. */
  start(): Promise<void>
  close(): Promise<void>
}

const MAX_BODY_BYTES = 1024 * 1024
const MAX_IMAGE_BYTES = 2 ** 40

export function createGlance(options: GlanceOptions): Glance {
  const { db, ids, clock, log } = options
  const store = createStore(db)
  const files = createFileStore(options.storeDir, options.maxImageBytes ?? MAX_IMAGE_BYTES)
  const access = createAccess(
    options.identity,
    createPolicy({ rules: glanceRules, enforceScope: false, log }),
    store,
  )
  const app = createHttpApp({ log, ids, renderFault, maxBodyBytes: MAX_BODY_BYTES, mergeSlashes: true })
  const selfUrl = () => `${options.publicUrl()}${options.mountPath ?? '/image'}`
  const routes: Routes = {
    app,
    store,
    files,
    ids,
    clock,
    log,
    selfUrl,
    caller: (request) => access.callerOf(request),
  }
  for (const add of [
    addVersionRoutes,
    addInfoRoutes,
    addImageRoutes,
    addFileRoutes,
    addMemberRoutes,
    addMetadefRoutes,
  ])
    add(routes)
  return {
    app,
    async start() {
      await db.migrate('glance', migrations)
      await recover(store, files)
      await app.ready()
    },
    close: () => app.close(),
  }
}

/** What a crash cut off: an upload can be done again, and a file of no image is of no use. */
async function recover(store: Store, files: FileStore): Promise<void> {
  const rows = await store.db
    .selectFrom('glance_image')
    .select(['id', 'status'])
    .where('status', '!=', 'deleted')
    .execute()
  for (const { id, status } of rows)
    if (status === 'saving') await store.change(id, ['saving'], { status: 'queued' })
  const kept = new Set(
    rows.filter((row) => row.status === 'active' || row.status === 'deactivated').map((row) => row.id),
  )
  await files.sweep((id) => kept.has(id))
}
