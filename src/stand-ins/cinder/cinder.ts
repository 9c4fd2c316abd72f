/** A small Cinder: volumes as files, snapshots, types and attachments, over HTTP. */
import type { Database } from '#db/kit/index.ts'
import type { Clock } from '#lib/clock.ts'
import { createHttpApp, type HttpApp } from '#lib/http/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Identity } from '#neighbours/identity/port.ts'
import type { Images } from '#neighbours/images/port.ts'
import { authenticate } from './caller.ts'
import { renderFault } from './faults.ts'
import { createFileStore } from './files.ts'
import { addAbsentRoutes } from './routes/absent.ts'
import { addAttachmentRoutes } from './routes/attachments.ts'
import { routesOf } from './routes/context.ts'
import { addCloudRoutes, addQuotaRoutes, addVersionRoutes } from './routes/info.ts'
import { addSnapshotRoutes } from './routes/snapshots.ts'
import { addTransferRoutes } from './routes/transfers.ts'
import { addTypeRoutes } from './routes/volume-types.ts'
import { addVolumeActionRoutes } from './routes/volume-actions.ts'
import { addVolumeRoutes } from './routes/volumes.ts'
import { createStore } from './store.ts'
import { migrations } from './tables.ts'
import { createWork } from './work.ts'

export interface CinderOptions {
  readonly db: Database
  /** Validates callers' tokens. */
  readonly identity: Identity
  /** Gives the bytes of volumes that are made of images. */
  readonly images: Images
  /** Where volumes' bytes are kept; made when the first is. */
  readonly storeDir: string
  readonly log: Log
  readonly ids: Ids
  readonly clock: Clock
  /** The cloud's origin (`http://127.0.0.1:8774`). */
  readonly publicUrl: () => string
  /** Where Cinder hangs under the origin; default `/volume`. */
  readonly mountPath?: string
}

export interface Cinder {
  readonly app: HttpApp
  /** Brings the tables up to date, and goes on with what a crash cut off. */
  start(): Promise<void>
  /** Finishes what is being answered and done. */
  close(): Promise<void>
}

const MAX_BODY_BYTES = 1024 * 1024

export function createCinder(options: CinderOptions): Cinder {
  const { db, ids, clock, log, images, identity } = options
  const store = createStore(db)
  const files = createFileStore(options.storeDir)
  const work = createWork({ store, files, images, clock, log })
  const app = createHttpApp({
    log,
    ids,
    renderFault,
    maxBodyBytes: MAX_BODY_BYTES,
    requestIdHeaders: ['x-openstack-request-id', 'x-compute-request-id'],
    mergeSlashes: true,
  })
  const selfUrl = () => `${options.publicUrl()}${options.mountPath ?? '/volume'}`
  const routes = routesOf({
    app,
    store,
    files,
    work,
    images,
    ids,
    clock,
    selfUrl,
    caller: (request, reply) => authenticate(identity, request, reply),
  })
  addVersionRoutes(app, selfUrl)
  for (const add of [
    addVolumeRoutes,
    addVolumeActionRoutes,
    addSnapshotRoutes,
    addAttachmentRoutes,
    addTypeRoutes,
    addQuotaRoutes,
    addCloudRoutes,
    addTransferRoutes,
    addAbsentRoutes,
  ])
    add(routes)
  return {
    app,
    async start() {
      await db.migrate('cinder', migrations)
      await work.recover()
      await app.ready()
    },
    async close() {
      await app.close()
      await work.close()
    },
  }
}
