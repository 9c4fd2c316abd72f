/** Images: made, listed, shown, changed, deleted, tagged, put aside. */
import { badRequest, conflict, Fault, forbidden } from '#lib/fault.ts'
import type { HttpRequest } from '#lib/http/index.ts'
import type { Caller } from '../caller.ts'
import { applyChanges, blankImage, PATCH_TYPES, readPatch, withAttribute } from '../changes.ts'
import { checkAttribute, checkPropertyCount } from '../fields.ts'
import { imageView } from '../image-view.ts'
import { listImages, type Query } from '../list-query.ts'
import type { Image } from '../store.ts'
import type { ImageStatus } from '../tables.ts'
import { objectBody, param, type Routes } from './context.ts'

const ACCEPTED_PATCHES = Object.keys(PATCH_TYPES)

export function addImageRoutes(routes: Routes): void {
  addCollectionRoutes(routes)
  addMemberOfCollectionRoutes(routes)
  addTagRoutes(routes)
  addActionRoutes(routes)
}

function addCollectionRoutes(routes: Routes): void {
  const { app, store, ids, clock } = routes
  app.post('/v2/images', async (request, reply) => {
    const caller = await routes.caller(request)
    const image = newImage(objectBody(request), ids.uuid(), caller, clock.now())
    caller.enforce('add_image', { project_id: image.row.owner })
    enforceVisibility(caller, image, undefined)
    if (!(await store.insert(image))) throw conflict(`Image ID ${image.row.id} already exists!`)
    const view = imageView(image)
    return reply
      .code(201)
      .header('location', `${routes.selfUrl()}${String(view.self)}`)
      .send(view)
  })

  app.get('/v2/images', async (request) => {
    const caller = await routes.caller(request)
    caller.enforce('get_images')
    const query = request.query as Query
    const page = await listImages(store, caller, query, (id) => markerOf(caller, id))
    const images = (await store.complete(page.rows)).map(imageView)
    const last = page.rows.at(-1)
    return {
      images,
      first: linkTo(query, undefined),
      ...(page.hasMore && last !== undefined && { next: linkTo(query, last.id) }),
      schema: '/v2/schemas/images',
    }
  })
}

/** A marker must be something the caller sees: else paging would tell what is there. */
const markerOf = async (caller: Caller, id: string) => {
  try {
    return (await caller.see(id)).row
  } catch (error) {
    if (error instanceof Fault && error.kind === 'notFound') return undefined
    throw error
  }
}

function linkTo(query: Query, marker: string | undefined): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (name !== 'marker') for (const each of [value ?? []].flat()) params.append(name, each)
  }
  if (marker !== undefined) params.set('marker', marker)
  const text = params.toString()
  return text === '' ? '/v2/images' : `/v2/images?${text}`
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function newImage(
  body: Readonly<Record<string, unknown>>,
  newId: string,
  caller: Caller,
  now: number,
): Image {
  for (const [name, value] of Object.entries(body)) checkAttribute(name, value, 'new')
  const { id: sentId, ...attributes } = body
  if (typeof sentId === 'string' && !UUID.test(sentId))
    throw badRequest("Provided object does not match schema 'image': 'id' is not a UUID")
  const id = typeof sentId === 'string' ? sentId.toLowerCase() : newId
  const image = Object.entries(attributes).reduce(
    (before, [name, value]) => withAttribute(before, name, value),
    blankImage(id, caller.projectId, now),
  )
  checkPropertyCount(image.properties)
  if (!caller.isAdmin && image.row.owner !== caller.projectId)
    throw forbidden(`You are not permitted to create images owned by '${image.row.owner ?? ''}'.`)
  return image
}

/** Showing an image to others is a right of its own. */
function enforceVisibility(caller: Caller, image: Image, before: Image | undefined): void {
  const { visibility, owner } = image.row
  if (visibility === before?.row.visibility) return
  if (visibility === 'public') caller.enforce('publicize_image', { project_id: owner })
  if (visibility === 'community') caller.enforce('communitize_image', { project_id: owner })
}

function addMemberOfCollectionRoutes(routes: Routes): void {
  const { app, store, files, clock } = routes
  for (const type of ACCEPTED_PATCHES) {
    app.addContentTypeParser(type, { parseAs: 'string' }, (_request, text, done) => {
      try {
        done(null, JSON.parse(text as string))
      } catch (error) {
        done(new Fault('badRequest', 'Malformed JSON in request body.', { cause: error }))
      }
    })
  }
  app.get('/v2/images/:id', async (request) => {
    const caller = await routes.caller(request)
    return imageView(await caller.see(param(request, 'id')))
  })
  app.patch('/v2/images/:id', async (request) => {
    const type = request.headers['content-type']?.split(';')[0]?.trim()
    if (type === undefined || !ACCEPTED_PATCHES.includes(type)) {
      throw new Fault(
        'unsupportedMediaType',
        `Unsupported Media Type. Accepted: ${ACCEPTED_PATCHES.join(', ')}`,
        {
          headers: { 'accept-patch': ACCEPTED_PATCHES.join(', ') },
        },
      )
    }
    const caller = await routes.caller(request)
    const changes = readPatch(type, request.body)
    return change(routes, request, caller, 'modify_image', (image) => {
      const changed = applyChanges(image, changes)
      if (!caller.isAdmin && changed.row.owner !== image.row.owner)
        throw forbidden("Owner can't be updated by non admin.")
      enforceVisibility(caller, changed, image)
      return changed
    })
  })
  app.delete('/v2/images/:id', async (request, reply) => {
    const caller = await routes.caller(request)
    const { row } = await caller.seeFor(param(request, 'id'), 'delete_image')
    if (row.protected === 1) throw forbidden(`Image ${row.id} is protected and cannot be deleted.`)
    await store.remove(row.id, clock.now())
    await files.remove(row.id)
    return reply.code(204).send()
  })
}

const MAX_TRIES = 5

/** Changes an image the caller may change; when somebody else was faster, again on what they left. */
async function change(
  { store, clock }: Routes,
  request: HttpRequest,
  caller: Caller,
  action: string,
  work: (image: Image) => Image,
): Promise<Readonly<Record<string, unknown>>> {
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const image = await caller.seeFor(param(request, 'id'), action)
    const changed = work(image)
    // Strictly later than before, so that the comparison in `replace` tells two changes of one millisecond apart.
    const updated_at = Math.max(clock.now(), image.row.updated_at + 1)
    const next = { ...changed, row: { ...changed.row, updated_at } }
    if (await store.replace(next, image.row)) return imageView(next)
  }
  throw conflict('The image was changed by others at the same time.')
}

const MAX_TAG = 255

function addTagRoutes(routes: Routes): void {
  const { app } = routes
  app.put('/v2/images/:id/tags/:tag', async (request, reply) => {
    const caller = await routes.caller(request)
    const tag = param(request, 'tag')
    if (tag.length > MAX_TAG) throw badRequest(`A tag has at most ${MAX_TAG} characters.`)
    await change(routes, request, caller, 'modify_image', (image) => {
      const tags = [...new Set([...image.tags, tag])]
      checkAttribute('tags', tags, image.row.status)
      return { ...image, tags }
    })
    return reply.code(204).send()
  })
  app.delete('/v2/images/:id/tags/:tag', async (request, reply) => {
    const caller = await routes.caller(request)
    const tag = param(request, 'tag')
    await change(routes, request, caller, 'modify_image', (image) => {
      if (!image.tags.includes(tag))
        throw new Fault('notFound', `${tag} not found in tags of image ${image.row.id}.`)
      return { ...image, tags: image.tags.filter((each) => each !== tag) }
    })
    return reply.code(204).send()
  })
}

function addActionRoutes(routes: Routes): void {
  const { app, store, clock } = routes
  const actions: readonly (readonly [action: string, from: ImageStatus, to: ImageStatus])[] = [
    ['deactivate', 'active', 'deactivated'],
    ['reactivate', 'deactivated', 'active'],
  ]
  for (const [action, from, to] of actions) {
    app.post(`/v2/images/:id/actions/${action}`, async (request, reply) => {
      const caller = await routes.caller(request)
      const { row } = await caller.seeFor(param(request, 'id'), action)
      // Done already is done.
      if (
        row.status !== to &&
        !(await store.change(row.id, [from], { status: to, updated_at: clock.now() }))
      ) {
        throw forbidden(`Not allowed to ${action} image in status '${row.status}'`)
      }
      return reply.code(204).send()
    })
  }
}
