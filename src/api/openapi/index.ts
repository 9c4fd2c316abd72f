/** The API told in OpenAPI, and its history: `GET /kilonova/openapi`, made of what serves it, so that it is never old. */
export { createDocuments, type Documents } from './documents.ts'
