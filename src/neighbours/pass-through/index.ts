/** Requests of the API's older routes that Glance or Neutron answers. */
export { createPassThrough } from './client.ts'
export type { PassThrough } from './port.ts'
