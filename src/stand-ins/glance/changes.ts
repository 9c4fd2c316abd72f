/** JSON Patch as Glance takes it: `add`, `replace`, `remove` of whole attributes. Pure: an image in, an image out. */
import { badRequest, conflict, forbidden } from '#lib/fault.ts'
import { checkAttribute, checkPropertyCount, isBase, type Json } from './fields.ts'
import type { Image } from './store.ts'
import type { ImageRow, Visibility } from './tables.ts'

export interface Change {
  readonly op: 'add' | 'replace' | 'remove'
  readonly attribute: string
  readonly value: Json
}

const OPS: ReadonlySet<string> = new Set(['add', 'replace', 'remove'])
const MAX_CHANGES = 1000

/** The content types of a patch, and how each writes an operation: `{"op": "add", "path": …}` or `{"add": …}`. */
export const PATCH_TYPES: Readonly<Record<string, (part: Part) => Part>> = {
  'application/openstack-images-v2.1-json-patch': (part) => part,
  'application/openstack-images-v2.0-json-patch': namedOperation,
}

type Part = Readonly<Record<string, unknown>>

/** An operation of draft 4 of JSON Patch as one of draft 10. */
function namedOperation(part: Part): Part {
  const named = [...OPS].filter((op) => Object.hasOwn(part, op))
  const [op] = named
  if (op === undefined || named.length > 1)
    throw badRequest('Operation objects must contain exactly one member named "add", "remove", or "replace".')
  return { op, path: part[op], value: part['value'] }
}

/** Reads a patch of one of the types. Throws `badRequest` faults that say which part cannot be read. */
export function readPatch(type: string, body: unknown): Change[] {
  if (!Array.isArray(body)) throw badRequest('Request body must be a JSON array of operation objects.')
  if (body.length > MAX_CHANGES) throw badRequest(`A patch holds at most ${MAX_CHANGES} operations.`)
  const form = PATCH_TYPES[type]
  if (!form) throw new Error(`${type} is no patch`)
  return body.map((part: unknown) => readChange(form(partOf(part))))
}

function partOf(part: unknown): Part {
  if (typeof part !== 'object' || part === null) throw badRequest('Operations must be JSON objects.')
  return part as Part
}

function readChange({ op, path, value }: Part): Change {
  if (typeof op !== 'string' || !OPS.has(op))
    throw badRequest(`Unable to find '${OP_NAMES}' in JSON Schema change`)
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw badRequest('Pointer `path` does not start with "/".')
  const pointer = path.slice(1)
  if (pointer === '' || pointer.includes('/'))
    throw badRequest(`Invalid JSON pointer for this resource: '${path}'`)
  if (/~(?![01])/.test(pointer))
    throw badRequest('Pointer `path` contains "~" not part of a recognized escape sequence.')
  if (op !== 'remove' && value === undefined)
    throw badRequest(`Operation "${op}" requires a member named "value".`)
  return { op: op as Change['op'], attribute: pointer.replaceAll('~1', '/').replaceAll('~0', '~'), value }
}
const OP_NAMES = [...OPS].join("', '")

/** The image after the changes. Throws the fault of the first that may not be made. */
export function applyChanges(image: Image, changes: readonly Change[]): Image {
  const changed = changes.reduce(applyChange, image)
  checkPropertyCount(changed.properties)
  return changed
}

function applyChange(image: Image, { op, attribute, value }: Change): Image {
  if (op === 'remove') return withoutProperty(image, attribute)
  checkAttribute(attribute, value, image.row.status)
  if (op === 'replace' && !isBase(attribute) && !Object.hasOwn(image.properties, attribute))
    throw conflict(`Property ${attribute} does not exist.`)
  return withAttribute(image, attribute, value)
}

function withoutProperty(image: Image, attribute: string): Image {
  if (isBase(attribute)) throw forbidden(`Property ${attribute} may not be removed.`)
  if (!Object.hasOwn(image.properties, attribute)) throw conflict(`Property ${attribute} does not exist.`)
  const { [attribute]: _removed, ...properties } = image.properties
  return { ...image, properties }
}

/** The image with an attribute set whose value was checked. */
export function withAttribute(image: Image, attribute: string, value: Json): Image {
  if (attribute === 'tags') return { ...image, tags: value as string[] }
  if (!isBase(attribute))
    return { ...image, properties: { ...image.properties, [attribute]: value as string } }
  const cell = typeof value === 'boolean' ? Number(value) : (value as string | number | null)
  return { ...image, row: { ...image.row, [attribute]: cell } }
}

/** A new image without anything, for attributes to be set on. */
export const blankImage = (id: string, owner: string | null, now: number): Image => {
  const row: ImageRow = {
    id,
    name: null,
    status: 'queued',
    visibility: 'shared' satisfies Visibility,
    owner,
    disk_format: null,
    container_format: null,
    size: null,
    virtual_size: null,
    min_disk: 0,
    min_ram: 0,
    protected: 0,
    os_hidden: 0,
    checksum: null,
    os_hash_algo: null,
    os_hash_value: null,
    created_at: now,
    updated_at: now,
  }
  return { row, properties: {}, tags: [] }
}
