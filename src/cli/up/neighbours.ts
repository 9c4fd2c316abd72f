/** The neighbours of an all-in-one, which are in the same process: reached over HTTP all the same, as the user `nova`. */
import type { Config } from '#config/index.ts'
import type { Clock } from '#lib/clock.ts'
import type { HttpClient } from '#lib/http/index.ts'
import { createServiceSession, type ServiceSession } from '#neighbours/identity/index.ts'
import { createNeighbours, type Neighbours, overridden } from '../services/neighbours.ts'
import { REGION, SERVICE_PROJECT } from './state-dir.ts'

export interface LoginDeps {
  readonly http: HttpClient
  readonly clock: Clock
  /** Keystone's. */
  readonly authUrl: string
  /** By user name. */
  readonly passwords: Readonly<Record<string, string>>
}

/** The session of a user of the cloud, in a project. */
export const sessionOf = (
  { http, clock, authUrl, passwords }: LoginDeps,
  username: string,
  projectName: string,
): ServiceSession =>
  createServiceSession({
    http,
    clock,
    authUrl,
    username,
    projectName,
    password: passwords[username] ?? '',
    userDomainName: 'Default',
    projectDomainName: 'Default',
    region: REGION,
  })

export function ownNeighbours(deps: LoginDeps & { readonly config: Config }): Neighbours {
  const session = sessionOf(deps, 'nova', SERVICE_PROJECT)
  return createNeighbours({
    ...deps,
    sessions: {
      identity: session,
      images: session,
      networks: session,
      placement: overridden(session, deps.config.placement.endpoint_override),
      volumes: session,
    },
  })
}
