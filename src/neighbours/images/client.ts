/** A Glance v2 client: images as the caller or as the service user sees them, and downloads. */
import { Fault, type FaultKind } from '#lib/fault.ts'
import { type HttpAnswer, type HttpClient, HttpFailure } from '#lib/http/index.ts'
import { createSharedReads } from '#lib/shared-reads.ts'
import type { Image } from '#model/image/index.ts'
import type { ServiceSession } from '#neighbours/identity/port.ts'
import type { Images } from './port.ts'
import { readImage } from './read-image.ts'

export interface ImagesOptions {
  readonly http: HttpClient
  /** The service user: its catalog says where Glance is. */
  readonly session: ServiceSession
  /** Which of Glance's endpoints is used (`[glance] valid_interfaces`); default internal. */
  readonly interfaceName?: 'public' | 'internal' | 'admin'
}

const TIMEOUT_MS = 30_000
/** A large image over a slow line takes its time. */
const DOWNLOAD_TIMEOUT_MS = 4 * 3_600_000

type Headers = Readonly<Record<string, string>>

/**
 * An `Images` that asks Glance. All methods throw `unavailable` faults when Glance cannot be asked;
 * `find` throws an `unauthorized` one when the caller's token has ended meanwhile.
 */
export function createImages(options: ImagesOptions): Images {
  const { http, session } = options
  // Many servers of one image are built at once.
  const shared = createSharedReads<HttpAnswer>({ waitsATurn: true })
  const urlOf = async (path: string): Promise<string> =>
    `${versioned(await session.endpoint('image', options.interfaceName ?? 'internal'))}${path}`
  const reach = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (error instanceof HttpFailure)
        throw new Fault('unavailable', 'The image service could not be reached.', { cause: error })
      throw error
    }
  }
  const show = async (imageId: string, headers: Headers): Promise<HttpAnswer> => {
    const url = await urlOf(`/images/${encodeURIComponent(imageId)}`)
    const read = () => reach(() => http.send({ method: 'GET', url, headers, timeoutMs: TIMEOUT_MS }))
    return shared(`${url} ${headers['x-auth-token']}`, read)
  }
  /** With the service user's token, and once more with a new one when that was refused. */
  const asService = async <T extends { status: number }>(
    work: (headers: Headers) => Promise<T>,
  ): Promise<T> => {
    const first = await work(await session.headers())
    if (first.status !== 401) return first
    session.invalidate()
    return work(await session.headers())
  }

  return {
    async find(imageId, caller) {
      return imageOf(await show(imageId, { 'x-auth-token': caller.token }))
    },
    async findAsService(imageId) {
      const answer = await asService((headers) => show(imageId, headers))
      return imageOf(answer)
    },
    async create(image, { token }) {
      const url = await urlOf('/images')
      const json = {
        ...image.properties,
        name: image.name,
        visibility: image.sharedWith === undefined ? 'private' : 'shared',
        min_disk: image.minDiskGb,
        min_ram: image.minRamMb,
        ...(image.diskFormat !== null && { disk_format: image.diskFormat }),
        ...(image.containerFormat !== null && { container_format: image.containerFormat }),
      }
      const headers = { 'x-auth-token': token }
      const answer = await reach(() =>
        http.send({ method: 'POST', url, headers, json, timeoutMs: TIMEOUT_MS }),
      )
      refuseUnless([201], answer, 'make the image')
      const made = readImage(answer.json)
      if (image.sharedWith !== undefined) {
        const call = { method: 'POST', url: `${url}/${made.id}/members`, headers, timeoutMs: TIMEOUT_MS }
        const shared = await reach(() => http.send({ ...call, json: { member: image.sharedWith } }))
        refuseUnless([200], shared, `share image ${made.id}`)
      }
      return made
    },
    async upload(imageId, { diskFormat, containerFormat, bytes }) {
      const url = await urlOf(`/images/${encodeURIComponent(imageId)}`)
      const patch = [
        { op: 'replace', path: '/disk_format', value: diskFormat },
        { op: 'replace', path: '/container_format', value: containerFormat },
      ]
      const described = await asService((headers) => {
        const body = JSON.stringify(patch)
        return reach(() =>
          http.send({ method: 'PATCH', url, headers: { ...headers, ...PATCH }, body, timeoutMs: TIMEOUT_MS }),
        )
      })
      refuseUnless([200], described, `describe image ${imageId}`)
      // Bytes flow once: the token was good a moment ago.
      const headers = { ...(await session.headers()), 'content-type': 'application/octet-stream' }
      const call = { method: 'PUT', url: `${url}/file`, headers, body: bytes, timeoutMs: DOWNLOAD_TIMEOUT_MS }
      refuseUnless([204], await reach(() => http.send(call)), `store the data of image ${imageId}`)
    },
    async remove(imageId) {
      const url = await urlOf(`/images/${encodeURIComponent(imageId)}`)
      const answer = await asService((headers) =>
        reach(() => http.send({ method: 'DELETE', url, headers, timeoutMs: TIMEOUT_MS })),
      )
      refuseUnless([204, 404], answer, `remove image ${imageId}`)
    },
    async listByProperties(properties) {
      const query = new URLSearchParams({ ...properties, sort: 'created_at:desc', limit: '1000' })
      const url = await urlOf(`/images?${query.toString()}`)
      const answer = await asService((headers) =>
        reach(() => http.send({ method: 'GET', url, headers, timeoutMs: TIMEOUT_MS })),
      )
      refuseUnless([200], answer, 'list images')
      return (answer.json as { images: unknown[] }).images.map(readImage)
    },
    async download(imageId) {
      const url = await urlOf(`/images/${encodeURIComponent(imageId)}/file`)
      const answer = await asService(async (headers) => {
        const call = {
          method: 'GET',
          url,
          headers: { ...headers, accept: 'application/octet-stream' },
          timeoutMs: DOWNLOAD_TIMEOUT_MS,
        }
        const opened = await reach(() => http.stream(call))
        // What is not read would hold its connection.
        if (opened.status !== 200) opened.body.resume()
        return opened
      })
      if (answer.status === 200) return answer.body
      if (answer.status === 404) throw new Fault('notFound', `Image ${imageId} could not be found.`)
      if (answer.status === 204) throw new Fault('conflict', `Image ${imageId} has no data.`)
      throw new Fault(
        'unavailable',
        `The image service could not give the data of image ${imageId} (status ${answer.status}).`,
      )
    },
  }
}

const PATCH = { 'content-type': 'application/openstack-images-v2.1-json-patch' } as const

/** What Glance refuses of a change, in its own words where it has some. */
function refuseUnless(ok: readonly number[], answer: HttpAnswer, what: string): void {
  if (ok.includes(answer.status)) return
  const kind = KINDS[answer.status] ?? 'unavailable'
  throw new Fault(kind, `The image service could not ${what} (status ${answer.status}).`)
}

const KINDS: Readonly<Record<number, FaultKind>> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  409: 'conflict',
  413: 'forbidden',
}

/** The v2 root: catalogs name it with and without. */
const versioned = (endpoint: string): string => (/\/v2(\.\d+)?$/.test(endpoint) ? endpoint : `${endpoint}/v2`)

function imageOf(answer: HttpAnswer): Image | undefined {
  if (answer.status === 200) return readImage(answer.json)
  if (answer.status === 404) return undefined
  if (answer.status === 401) throw new Fault('unauthorized', 'The image service did not accept the token.')
  if (answer.status === 403)
    throw new Fault('forbidden', 'The image service does not allow this image to be seen.')
  throw new Fault(
    'unavailable',
    `The image service could not say what the image is (status ${answer.status}).`,
  )
}
