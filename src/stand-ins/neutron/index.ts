/** Neutron, as far as a small cloud needs it: the API, and networks that are real where the machine allows it. */
export { createNeutron, type NeutronDeps, type NeutronService, type TellServers } from './neutron.ts'
export { choosePlane } from './plane/choose-plane.ts'
export type { NetworkPlane } from './plane/port.ts'
export { createUserPlane } from './plane/user-plane.ts'
