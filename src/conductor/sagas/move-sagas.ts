/** The sagas that move a server to another host. */
import type { ServerSaga } from '../world.ts'
import { confirmResize, revertResize } from './end-resize.ts'
import { evacuateServer } from './evacuate-server.ts'
import { liveMigrateServer } from './live-migrate-server.ts'
import { resizeServer } from './resize-server.ts'

export const moveSagas: readonly ServerSaga[] = [
  resizeServer,
  confirmResize,
  revertResize,
  liveMigrateServer,
  evacuateServer,
]
