/** What tenants see of a host: a hash that tells their own servers' hosts apart and nothing else. */
import { hash } from 'node:crypto'

/** SHA-224 of the project's id and the host's name, in hex; empty without a host. As Nova's `hostId`. */
export const hostIdOf = (projectId: string, host: string | null): string =>
  host === null ? '' : hash('sha224', `${projectId}${host}`, 'hex')
