/** An image's body as Glance writes it, as the model has it. */
import { Fault } from '#lib/fault.ts'
import type { Image } from '#model/image/index.ts'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

const Text = Type.Optional(Type.Union([Type.String(), Type.Null()]))
const Amount = Type.Optional(Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]))

const ImageBody = Type.Object({
  id: Type.String(),
  status: Type.String(),
  visibility: Type.String(),
  name: Text,
  owner: Text,
  disk_format: Text,
  container_format: Text,
  size: Amount,
  virtual_size: Amount,
  min_disk: Amount,
  min_ram: Amount,
  checksum: Text,
  os_hash_algo: Text,
  os_hash_value: Text,
})
type ImageBody = Static<typeof ImageBody>

/** What is Glance's own and not in the model: all else that is a string is the image's property. */
const NOT_PROPERTIES = new Set([
  ...Object.keys(ImageBody.properties),
  'created_at',
  'updated_at',
  'self',
  'file',
  'schema',
  'direct_url',
  'stores',
  'tags',
  'protected',
  'os_hidden',
  'locations',
])

/** Throws an `unavailable` fault when it is no image. */
export function readImage(json: unknown): Image {
  if (!Value.Check(ImageBody, json))
    throw new Fault('unavailable', 'The image service gave an answer that cannot be read.')
  const own = Object.entries(json as Readonly<Record<string, unknown>>)
  const properties = own.flatMap(([name, value]): [string, string][] =>
    NOT_PROPERTIES.has(name) || typeof value !== 'string' ? [] : [[name, value]],
  )
  return {
    id: json.id,
    name: json.name ?? null,
    status: json.status as Image['status'],
    visibility: json.visibility as Image['visibility'],
    owner: json.owner ?? null,
    diskFormat: json.disk_format ?? null,
    containerFormat: json.container_format ?? null,
    size: json.size ?? null,
    virtualSize: json.virtual_size ?? null,
    minDiskGb: json.min_disk ?? 0,
    minRamMb: json.min_ram ?? 0,
    checksum: json.checksum ?? null,
    osHashAlgo: json.os_hash_algo ?? null,
    osHashValue: json.os_hash_value ?? null,
    properties: Object.fromEntries(properties),
  }
}
