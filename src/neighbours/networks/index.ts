/** The door to Neutron: the port's words, and the client that speaks HTTP. */
export { createNetworks } from './client.ts'
export type * from './port.ts'
