/** The compute API: `createApi` wires the nouns to an HTTP app. */
export { apiRoutes, createApi, type Api } from './create-api.ts'
export type { ApiConfig, QuotaLimits, Services } from '#api/kernel/index.ts'
