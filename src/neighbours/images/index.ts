/** Glance: what an image is, and its bytes. */
export { createImages } from './client.ts'
export type { Images } from './port.ts'
