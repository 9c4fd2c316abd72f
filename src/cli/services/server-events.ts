/** What Neutron tells Nova of servers whose interfaces changed without Nova's doing: told once, in the background, as Neutron tells it. */
import type { HttpClient } from '#lib/http/index.ts'
import type { Log } from '#lib/log.ts'
import type { ServiceSession } from '#neighbours/identity/index.ts'
import type { TellServers } from '#stand-ins/neutron/index.ts'

export interface ServerEventsDeps {
  readonly http: HttpClient
  /** Of Neutron's own user. */
  readonly session: ServiceSession
  readonly log: Log
}

/** 207: some of them. A server that is not there any more, or not yet on a host, has nothing to look up again. */
const TAKEN: ReadonlySet<number> = new Set([200, 207, 404, 422])

/** What is not taken is logged: the next change, or Nova's own round, tells the same. */
export function createServerEvents({ http, session, log }: ServerEventsDeps): TellServers {
  const send = async (events: Parameters<TellServers>[0]): Promise<void> => {
    const url = `${await session.endpoint('compute', 'public')}/os-server-external-events`
    const json = {
      events: events.map(({ serverId, portId }) => ({
        name: 'network-changed',
        server_uuid: serverId,
        tag: portId,
      })),
    }
    const { status, text } = await http.send({ method: 'POST', url, headers: await session.headers(), json })
    if (!TAKEN.has(status)) throw new Error(`Nova did not take events of servers (${status}): ${text}`)
  }
  return (events) => {
    send(events).catch((error: unknown) => log.warn({ err: error }, 'Nova was not told of interfaces'))
  }
}
