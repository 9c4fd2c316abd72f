/** Every saga the conductor knows. */
import type { ServerSaga } from '../world.ts'
import { buildServers, buildServersWithVolumes } from './build-servers.ts'
import { deleteServer } from './delete-server.ts'
import { guestSagas } from './guest-sagas.ts'
import { moveSagas } from './move-sagas.ts'
import { interfaceSagas } from './interfaces.ts'
import { rebootServer } from './reboot-server.ts'
import { rebuildServer } from './rebuild-server.ts'
import { resumeServer } from './resume-server.ts'
import { shelveSagas } from './shelve-server.ts'
import { snapshotSagas } from './snapshot-server.ts'
import { startServer } from './start-server.ts'
import { stopServer } from './stop-server.ts'
import { unshelveSagas } from './unshelve-server.ts'
import { volumeSagas } from './volumes.ts'

export const sagas: readonly ServerSaga[] = [
  buildServers,
  buildServersWithVolumes,
  deleteServer,
  startServer,
  stopServer,
  rebootServer,
  resumeServer,
  ...guestSagas,
  rebuildServer,
  ...snapshotSagas,
  ...shelveSagas,
  ...unshelveSagas,
  ...moveSagas,
  ...volumeSagas,
  ...interfaceSagas,
]
