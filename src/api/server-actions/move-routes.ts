/** Actions that take a server from one host to another, or from all of them. */
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { evacuate, migrateLive } from './live-migrate.ts'
import * as move from './move.spec.ts'
import { confirmResize, migrate, resize, revertResize } from './resize.ts'
import { shelve, shelveOffload, unshelve, type Where } from './shelve.ts'

export const moveRoutes = (services: Services): readonly Route[] => [
  serve(move.resize, (call) => {
    const { flavorRef, 'OS-DCF:diskConfig': diskConfig } = call.body.resize
    return resize(call, services, { flavorRef: String(flavorRef), diskConfig })
  }),
  serve(move.confirmResize, (call) => confirmResize(call, services)),
  serve(move.revertResize, (call) => revertResize(call, services)),
  serve(move.migrateAnywhere, (call) => migrate(call, services, null)),
  serve(move.migrate, (call) => migrate(call, services, call.body.migrate?.host ?? null)),
  serve(move.migrateLive, (call) => migrateLive(call, services)),
  serve(move.evacuate, (call) => evacuate(call, services)),
  serve(move.shelve, (call) => shelve(call, services)),
  serve(move.shelveOffload, (call) => shelveOffload(call, services)),
  serve(move.unshelve, (call) =>
    unshelve(call, services, call.on.toZone ? ((call.body.unshelve ?? {}) as Where) : {}),
  ),
]
