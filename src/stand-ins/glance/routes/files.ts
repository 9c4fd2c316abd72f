/** An image's data: uploaded once, checked against what it was said to be, downloaded whole or in part. */
import { badRequest, conflict, Fault, forbidden } from '#lib/fault.ts'
import type { HttpReply } from '#lib/http/index.ts'
import type { Readable } from 'node:stream'
import { inspect, refusalOf } from '../formats.ts'
import type { Image } from '../store.ts'
import { param, type Routes } from './context.ts'

const HASH = 'sha512'

export function addFileRoutes(routes: Routes): void {
  const { app } = routes
  // The data is not collected: the handler reads it as it comes.
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
  app.put('/v2/images/:id/file', async (request, reply) => {
    if (request.headers['content-type']?.split(';')[0]?.trim() !== 'application/octet-stream') {
      throw new Fault('unsupportedMediaType', "Content type must be 'application/octet-stream'.")
    }
    const caller = await routes.caller(request)
    const image = await caller.seeFor(param(request, 'id'), 'upload_image')
    await upload(routes, image, request.body as Readable)
    return reply.code(204).send()
  })
  app.get('/v2/images/:id/file', async (request, reply) => {
    const caller = await routes.caller(request)
    const image = await caller.seeFor(param(request, 'id'), 'download_image')
    if (image.row.status === 'deactivated' && !caller.isAdmin)
      throw forbidden('The requested image has been deactivated. Image data download is forbidden.')
    if (image.row.size === null || !['active', 'deactivated'].includes(image.row.status))
      return reply.code(204).send()
    return download(routes, image, image.row.size, request.headers.range, reply)
  })
}

async function upload({ store, files, clock }: Routes, image: Image, data: Readable): Promise<void> {
  const { id, disk_format: format, container_format: container, status } = image.row
  if (format === null || container === null)
    throw badRequest('Properties disk_format, container_format must be set prior to saving data.')
  if (!(await store.change(id, ['queued'], { status: 'saving', updated_at: clock.now() }))) {
    throw conflict(`Image status transition from ${status} to saving is not allowed`)
  }
  try {
    const written = await files.write(
      id,
      data.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>,
      (head) => {
        const refusal = container === 'bare' ? refusalOf(inspect(head), format) : undefined
        if (refusal !== undefined) throw new Fault('unsupportedMediaType', refusal)
      },
    )
    const virtual =
      inspect(written.head).virtualSize ?? (format === 'raw' && container === 'bare' ? written.size : null)
    const active = await store.change(id, ['saving'], {
      status: 'active',
      size: written.size,
      virtual_size: virtual,
      checksum: written.md5,
      os_hash_algo: HASH,
      os_hash_value: written.sha512,
      updated_at: clock.now(),
    })
    if (active) return
    await files.remove(id)
    throw new Fault(
      'gone',
      `Image ${id} could not be found after upload. The image may have been deleted during the upload.`,
    )
  } catch (error) {
    // Clients read no answer before they have sent all; and what stays unread would block their next request.
    data.resume()
    await store.change(id, ['saving'], { status: 'queued', updated_at: clock.now() })
    throw error
  }
}

async function download(
  { files }: Routes,
  { row }: Image,
  size: number,
  range: string | undefined,
  reply: HttpReply,
): Promise<HttpReply> {
  reply.headers({
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    ...(row.checksum !== null && { 'content-md5': row.checksum }),
  })
  const part = range === undefined ? undefined : readRange(range, size)
  if (part === undefined) return reply.header('content-length', size).send(files.read(row.id))
  return reply
    .code(206)
    .headers({
      'content-range': `bytes ${part.start}-${part.end}/${size}`,
      'content-length': part.end - part.start + 1,
    })
    .send(files.read(row.id, part))
}

/** One range of bytes. Throws a `badRequest` fault for what lies outside the image. */
function readRange(text: string, size: number): { start: number; end: number } {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(text.trim())
  const [, first = '', last = ''] = match ?? []
  if (match === null || (first === '' && last === ''))
    throw badRequest(`The range ${text.slice(0, 64)} cannot be read.`)
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (start > end || start >= size)
    throw badRequest(`The range ${text.slice(0, 64)} lies outside the image's ${size} bytes.`)
  return { start, end }
}
