/** Servers: `/servers` and their actions. */
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import * as change from './change.spec.ts'
import { consoleOutputOf } from './console-output.ts'
import { create } from './create.ts'
import { createServer } from './create.spec.ts'
import { listBrief, listDetail, show } from './list.ts'
import { detailServers, listServers, showServer } from './list.spec.ts'
import { reboot, remove, start, stop } from './power.ts'
import { update } from './update.ts'

export { addressesOf } from './addresses.view.ts'
export { checkImage } from './check-image.ts'
export { checkZone } from './destination.ts'
export { renderServer } from './list.ts'
export { injectedOf } from './injected.ts'
export { makePassword } from './names.ts'
export { hintsOf, imagePropertiesOf, makerNotes, notesOf, pinnedZoneOf, withPinnedZone } from './notes.ts'
export { checkItems, countWithinQuota } from './quota.ts'
export { changedServer } from './server.view.ts'

export const serverRoutes = (services: Services): readonly Route[] => [
  serve(listServers, (call) => listBrief(call, services)),
  serve(detailServers, (call) => listDetail(call, services)),
  serve(showServer, (call) => show(call, services)),
  serve(createServer, (call) => create(call, services)),
  serve(change.updateServer, (call) => update(call, services)),
  serve(change.deleteServer, (call) => remove(call, services)),
  serve(change.startServer, (call) => start(call, services)),
  serve(change.stopServer, (call) => stop(call, services)),
  serve(change.rebootServer, (call) => reboot(call, services)),
  serve(change.consoleOutput, (call) => consoleOutputOf(call, services)),
]
