/** Flavors: `/flavors`, their extra specs and access lists. */
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import * as access from './access.ts'
import * as extraSpecs from './extra-specs.ts'
import * as spec from './flavors.spec.ts'
import { listBrief, listDetail, show } from './list.ts'
import * as manage from './manage.ts'

export const flavorRoutes = (services: Services): readonly Route[] => [
  serve(spec.listFlavors, (call) => listBrief(call, services)),
  serve(spec.detailFlavors, (call) => listDetail(call, services)),
  serve(spec.showFlavor, (call) => show(call, services)),
  serve(spec.createFlavor, (call) => manage.create(call, services)),
  serve(spec.updateFlavor, (call) => manage.update(call, services)),
  serve(spec.deleteFlavor, (call) => manage.remove(call, services)),
  serve(spec.listAccess, (call) => access.list(call, services)),
  serve(spec.addAccess, (call) => access.add(call, services)),
  serve(spec.removeAccess, (call) => access.remove(call, services)),
  serve(spec.listExtraSpecs, (call) => extraSpecs.list(call, services)),
  serve(spec.showExtraSpec, (call) => extraSpecs.show(call, services)),
  serve(spec.createExtraSpecs, (call) => extraSpecs.create(call, services)),
  serve(spec.updateExtraSpec, (call) => extraSpecs.update(call, services)),
  serve(spec.deleteExtraSpec, (call) => extraSpecs.remove(call, services)),
]
