/** The door to Cinder: the port's words, and the client that speaks HTTP. */
export { createVolumes, type VolumesDeps } from './client.ts'
export type * from './port.ts'
