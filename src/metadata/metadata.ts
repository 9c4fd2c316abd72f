/** The metadata service put together: who asks, what there is to read, and a guest's password, told once. */
import type { Database } from '#db/kit/index.ts'
import type { Clock } from '#lib/clock.ts'
import { Fault } from '#lib/fault.ts'
import { createHttpApp, type HttpApp, type HttpReply, type HttpRequest } from '#lib/http/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import { createGuests, type Guest } from './guests.ts'
import { readPassword, storePassword } from './password.ts'
import { sourceOf } from './source-of.ts'
import { find, isPassword, segmentsOf } from './tree.ts'

export interface MetadataConfig {
  /** `[neutron] metadata_proxy_shared_secret`. */
  readonly sharedSecret: string
  /** `[api] metadata_cache_expiration`, in milliseconds. */
  readonly cacheMs: number
  /** `[api] dhcp_domain`. */
  readonly domain: string
  /** The contents of `[api] vendordata_jsonfile_path`. */
  readonly vendorData: Readonly<Record<string, unknown>>
}

export interface MetadataDeps {
  readonly db: Database
  readonly log: Log
  readonly ids: Ids
  readonly clock: Clock
  readonly config: MetadataConfig
}

export interface Metadata {
  readonly app: HttpApp
  start(): Promise<void>
  close(): Promise<void>
}

const MAX_BODY_BYTES = 16_384

export function createMetadata(deps: MetadataDeps): Metadata {
  const guests = createGuests(deps)
  const app = createHttpApp({
    log: deps.log,
    ids: deps.ids,
    maxBodyBytes: MAX_BODY_BYTES,
    renderFault: (fault) => ({
      body: `${fault.status} ${fault.message}\n`,
      headers: { 'content-type': 'text/plain; charset=UTF-8' },
    }),
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

  app.get('/*', async (request, reply) => {
    const guest = await guests.find(request.headers)
    return answer(deps, guest, pathOf(request), reply)
  })
  app.post('/*', async (request, reply) => {
    const { instance } = await guests.find(request.headers)
    if (!isPassword(pathOf(request))) throw new Fault('methodNotAllowed', 'Method Not Allowed')
    await storePassword(deps, instance, request.body)
    guests.forget(instance.uuid)
    return reply.code(200).send('')
  })
  return {
    app,
    start: async () => {
      await app.ready()
    },
    close: () => app.close(),
  }
}

const pathOf = (request: HttpRequest): string[] => segmentsOf(request.url.split('?')[0] ?? '')

function answer(deps: MetadataDeps, guest: Guest, path: string[], reply: HttpReply): HttpReply {
  const found = isPassword(path)
    ? { type: 'text/plain', content: readPassword(guest.instance) }
    : find(sourceOf(guest, deps), path)
  if (!found) throw new Fault('notFound', 'Not Found')
  return reply.header('content-type', `${found.type}; charset=UTF-8`).send(Buffer.from(found.content))
}
