/** Images as Glance writes them, read for Nova's older routes. */
import type { Call, Services } from '#api/kernel/index.ts'
import { notFound } from '#lib/fault.ts'
import type { Document } from '#neighbours/pass-through/port.ts'
import { refusing } from './ended.ts'

export type ImageCall = Pick<Call<unknown, unknown, never>, 'token' | 'params'>
type PassThrough = Services['passThrough']

/** What is an image's own; the rest is properties. */
const OWN: ReadonlySet<string> = new Set(
  (
    'id name status visibility owner disk_format container_format size virtual_size min_disk min_ram checksum ' +
    'os_hash_algo os_hash_value os_hidden protected tags created_at updated_at self file schema direct_url locations stores'
  ).split(' '),
)

export const propertiesOf = (image: Document): Record<string, string> =>
  Object.fromEntries(
    Object.entries(image).flatMap(([name, value]) =>
      OWN.has(name) || typeof value !== 'string' ? [] : [[name, value]],
    ),
  )

const imagePath = (id: string): string => `images/${encodeURIComponent(id)}`

/** The image of the path. Throws Nova's 404. */
export async function findImage(passThrough: PassThrough, call: ImageCall, id: string): Promise<Document> {
  if (!/^[0-9a-f-]{1,64}$/i.test(id)) throw notFound('Image not found.')
  return refusing(passThrough.ask({ service: 'image', method: 'GET', path: imagePath(id) }, call), {
    notFound: ['notFound', 'Image not found.'],
  })
}

export async function removeImage(passThrough: PassThrough, call: ImageCall, id: string): Promise<void> {
  await findImage(passThrough, call, id)
  await refusing(passThrough.ask({ service: 'image', method: 'DELETE', path: imagePath(id) }, call), {
    notFound: ['notFound', 'Image not found.'],
    forbidden: ['forbidden', 'You are not allowed to delete the image.'],
  })
}

/** Sets the image's properties to these and no others. */
export async function setProperties(
  passThrough: PassThrough,
  call: ImageCall,
  image: Document,
  next: Readonly<Record<string, string>>,
): Promise<void> {
  const now = propertiesOf(image)
  const pointer = (name: string) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
  const json = [
    ...Object.keys(now)
      .filter((name) => !Object.hasOwn(next, name))
      .map((name) => ({ op: 'remove', path: pointer(name) })),
    ...Object.entries(next)
      .filter(([name, value]) => now[name] !== value)
      .map(([name, value]) => ({
        op: Object.hasOwn(now, name) ? 'replace' : 'add',
        path: pointer(name),
        value,
      })),
  ]
  if (json.length === 0) return
  const id = String(image['id'])
  await refusing(passThrough.ask({ service: 'image', method: 'PATCH', path: imagePath(id), json }, call), {
    notFound: ['notFound', 'Image not found.'],
    forbidden: ['forbidden', `Not authorized for image ${id}.`],
    conflict: ['badRequest'],
  })
}

const PAGE = 1000

/** Every image that the caller sees, oldest last as Glance lists them. */
export async function listImages(
  passThrough: PassThrough,
  call: ImageCall,
  filters: Readonly<Record<string, string>>,
): Promise<Document[]> {
  const all: Document[] = []
  for (let marker: string | undefined; ; ) {
    const query = new URLSearchParams({
      ...filters,
      limit: String(PAGE),
      ...(marker !== undefined && { marker }),
    })
    const answer = await refusing(
      passThrough.ask({ service: 'image', method: 'GET', path: `images?${query.toString()}` }, call),
      { badRequest: ['badRequest'] },
    )
    const page = (answer['images'] ?? []) as Document[]
    all.push(...page)
    marker = page.at(-1)?.['id'] as string | undefined
    if (page.length < PAGE || answer['next'] === undefined) return all
  }
}
