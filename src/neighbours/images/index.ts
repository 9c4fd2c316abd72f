/** Glance: what an image is, and its bytes. */
export { createImages, type ImagesOptions } from './client.ts'
export type { Images } from './port.ts'
