/** The compute API: `createApi` wires the nouns to an HTTP app. */
export { apiRoutes, createApi } from './create-api.ts'
export type { ApiConfig, Services } from '#api/kernel/index.ts'
