/** Images in Nova's older words, of Glance's. */
import { type Call, limitOf, type Route, serve, type Services } from '#api/kernel/index.ts'
import { badRequest } from '#lib/fault.ts'
import { constant, many, query, operation } from '#lib/versioned/index.ts'
import type { Document } from '#neighbours/pass-through/port.ts'
import { anyQuery, ENDED } from './ended.ts'
import { findImage, listImages, propertiesOf, removeImage } from './image-documents.ts'

const anything = constant<readonly string[]>({})
const positive = many({ type: ['integer', 'string'], pattern: '^[0-9]*$', minimum: 1, minLength: 1 })

const imageQuery = query(
  {
    name: anything,
    status: anything,
    'changes-since': anything,
    server: anything,
    type: anything,
    minRam: anything,
    minDisk: anything,
    limit: positive,
    page_size: positive,
    marker: anything,
    offset: positive,
  },
  { additional: true },
)

type Links = Call<unknown, unknown, never>['links']
type Query = Readonly<Partial<Record<string, readonly string[]>>>

/** Glance's states in Nova's, with how far each is. */
const STATES: Readonly<Record<string, readonly [string, number]>> = {
  active: ['ACTIVE', 100],
  queued: ['SAVING', 25],
  saving: ['SAVING', 50],
  deleted: ['DELETED', 0],
  pending_delete: ['DELETED', 0],
  killed: ['ERROR', 0],
}

/** Nova's filters in Glance's words: the query's name → the image's field. */
const FIELDS: Readonly<Record<string, string>> = {
  name: 'name',
  minRam: 'min_ram',
  minDisk: 'min_disk',
  server: 'instance_uuid',
  type: 'image_type',
}

function matches(image: Document, asked: Query): boolean {
  return Object.entries(asked).every(([name, values]) => {
    const value = values?.at(-1) ?? ''
    if (name === 'status') return (STATES[String(image['status'])]?.[0] ?? 'UNKNOWN') === value.toUpperCase()
    if (name === 'changes-since') return Date.parse(String(image['updated_at'])) >= sinceOf(value)
    const field = name.startsWith('property-') ? name.slice('property-'.length) : FIELDS[name]
    if (field === undefined) return true
    const wanted = name === 'server' ? (value.split('/').at(-1) ?? '') : value
    const own = image[field]
    return (typeof own === 'number' ? String(own) : own) === wanted
  })
}

function sinceOf(text: string): number {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw badRequest(`Invalid changes-since: ${text.slice(0, 64)}`)
  return at
}

export function imageRoutes({ passThrough, config }: Services): readonly Route[] {
  const linksTo = (id: string, links: Links) => [
    ...links.of('images', id),
    {
      rel: 'alternate',
      type: 'application/vnd.openstack.image',
      href: `${config.glanceLinkPrefix ?? links.bookmarkBase}/images/${id}`,
    },
  ]
  const brief = (image: Document, links: Links) => ({
    id: image['id'],
    name: image['name'] ?? null,
    links: linksTo(String(image['id']), links),
  })
  const whole = (image: Document, links: Links) => {
    const metadata = propertiesOf(image)
    const [status, progress] = STATES[String(image['status'])] ?? ['UNKNOWN', 0]
    const { instance_uuid: server, auto_disk_config: diskConfig } = metadata
    return {
      id: image['id'],
      name: image['name'] ?? null,
      minRam: image['min_ram'] ?? 0,
      minDisk: image['min_disk'] ?? 0,
      metadata,
      created: image['created_at'],
      updated: image['updated_at'],
      status,
      progress,
      'OS-EXT-IMG-SIZE:size': image['size'] ?? 0,
      ...(server !== undefined && { server: { id: server, links: links.of('servers', server) } }),
      links: linksTo(String(image['id']), links),
      ...(diskConfig !== undefined && {
        'OS-DCF:diskConfig': ['true', '1', 'yes'].includes(diskConfig.toLowerCase()) ? 'AUTO' : 'MANUAL',
      }),
    }
  }
  const list = (path: string, collection: string, show: typeof brief | typeof whole): Route =>
    serve(operation({ ...ENDED, path: `GET ${path}`, query: imageQuery }), async (call) => {
      const asked = call.query as Query
      const found = (await listImages(passThrough, call, {})).filter((image) => matches(image, asked))
      const marker = asked['marker']?.at(-1)
      const at = marker === undefined ? -1 : found.findIndex(({ id }) => id === marker)
      if (marker !== undefined && at < 0) throw badRequest(`marker [${marker.slice(0, 64)}] not found`)
      const limit = limitOf({ limit: asked['limit'] ?? asked['page_size'] }, config.maxLimit)
      const page = found.slice(at + 1, at + 1 + limit)
      const last = page.at(-1)
      return {
        body: {
          images: page.map((image) => show(image, call.links)),
          ...(last !== undefined &&
            page.length === limit &&
            at + 1 + limit < found.length && {
              images_links: call.links.next(collection, String(last['id'])),
            }),
        },
      }
    })
  return [
    list('/images', 'images', brief),
    list('/images/detail', 'images/detail', whole),
    serve(operation({ ...ENDED, path: 'GET /images/{id}', query: anyQuery }), async (call) => ({
      body: { image: whole(await findImage(passThrough, call, call.params['id'] ?? ''), call.links) },
    })),
    serve(operation({ ...ENDED, path: 'DELETE /images/{id}', status: 204 }), async (call) => {
      await removeImage(passThrough, call, call.params['id'] ?? '')
      return {}
    }),
  ]
}
