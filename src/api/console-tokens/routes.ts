/** Where a console's token leads: for proxies that ask the API. The token is not used up. */
import { BusTimeout } from '#bus/port.ts'
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { CONDUCTOR_TOPIC, conductorContract } from '#contracts/conductor.ts'
import { clientOf } from '#contracts/contract.ts'
import { findInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { Fault, notFound } from '#lib/fault.ts'
import { operation, query, shownSince, view } from '#lib/versioned/index.ts'

const showConsoleToken = operation({
  path: 'GET /os-console-auth-tokens/{id}',
  policy: 'os_compute_api:os-console-auth-tokens',
  query: query({}, { strictSince: '2.99' }),
  behaviours: { rdpOnly: '..2.30' },
})

interface Place {
  readonly instanceUuid: string
  readonly host: string | null
  readonly port: number
  readonly path: string | null
}

const placeView = view<Place>({
  instance_uuid: (place) => place.instanceUuid,
  host: (place) => place.host,
  port: (place) => place.port,
  internal_access_path: (place) => place.path,
  tls_port: shownSince('2.99', () => null),
})

export function consoleTokenRoutes({ db, bus }: Services): readonly Route[] {
  const conductor = clientOf(conductorContract, CONDUCTOR_TOPIC, bus)
  return [
    serve(showConsoleToken, async (call) => {
      const asked = { token: call.params.id ?? '', consume: false }
      const found = await conductor.validateConsoleToken
        .call(asked, call.context.requestId)
        .catch((error: unknown) => {
          if (error instanceof BusTimeout)
            throw new Fault('unavailable', 'No conductor answered in time.', { cause: error })
          throw error
        })
      if (found.verdict !== 'valid') throw notFound('Token not found')
      // Until 2.30 only consoles of a kind that is no more could be asked for.
      if (call.on.rdpOnly)
        throw new Fault('unauthorized', 'The requested console type details are not accessible')
      const instance = await findInstance(db.typed<NovaDb>(), found.instanceUuid)
      const place: Place = {
        instanceUuid: found.instanceUuid,
        host: found.host ?? instance?.host ?? null,
        // A console behind a socket of its host has no port.
        port: found.port ?? 0,
        path: null,
      }
      return { body: { console: call.render(placeView)(place, undefined) } }
    }),
  ]
}
