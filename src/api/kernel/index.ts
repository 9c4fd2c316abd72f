/** The API's kernel: what every noun is built on. */
export { createDispatch, sendJson, speakVersion } from './dispatch.ts'
export { renderFault } from './faults.ts'
export type { Links } from './links.ts'
export { MAX_VERSION, MIN_VERSION } from './negotiate.ts'
export { limitOf, markerOf } from './paging.ts'
export { type Answer, type Call, type Route, serve } from './route.ts'
export type { ApiConfig, QuotaLimits, Services } from './services.ts'
export { announceOperations } from './operation-ready.ts'
