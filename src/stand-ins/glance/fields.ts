/** An image's attributes: which there are, what may be sent for them, which are not the caller's to set. */
import { badRequest, forbidden } from '#lib/fault.ts'
import { isUuidLike } from '#lib/ids.ts'
import { CONTAINER_FORMATS, DISK_FORMATS } from './formats.ts'
import { type ImageRow, VISIBILITIES } from './tables.ts'

export type Json = unknown

interface Field {
  /** What is wrong with the value, undefined when nothing is. */
  problem(value: Json): string | undefined
  /** For the schema document. */
  readonly schema: object
  /** Set by Glance only. */
  readonly readOnly?: true
  /** Only while the image has no data. */
  readonly whileQueued?: true
  /** Only when the image is made. */
  readonly atCreation?: true
}

const MAX_TEXT = 255
const MAX_INT = 2 ** 31 - 1
const isText = (value: Json, max = MAX_TEXT): value is string =>
  typeof value === 'string' && value.length <= max && !value.includes('\0')

const textOrNull = (description: string): Field => ({
  problem: (value) =>
    value === null || isText(value)
      ? undefined
      : `is not a string of at most ${MAX_TEXT} characters, or null`,
  schema: { type: ['null', 'string'], maxLength: MAX_TEXT, description },
})
const oneOf = (values: readonly string[], description: string, nullable: boolean): Field => ({
  problem: (value) =>
    (nullable && value === null) || values.includes(value as string)
      ? undefined
      : `is not one of ${values.join(', ')}`,
  schema: {
    type: nullable ? ['null', 'string'] : 'string',
    enum: nullable ? [null, ...values] : values,
    description,
  },
})
const flagField = (description: string): Field => ({
  problem: (value) => (typeof value === 'boolean' ? undefined : 'is not true or false'),
  schema: { type: 'boolean', description },
})
const amount = (description: string): Field => ({
  problem: (value) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_INT
      ? undefined
      : 'is not a whole number from 0 up',
  schema: { type: 'integer', minimum: 0, maximum: MAX_INT, description },
})
const readOnly = (type: string | readonly string[], description: string): Field => ({
  problem: () => undefined,
  readOnly: true,
  schema: { type, readOnly: true, description },
})

const MAX_TAGS = 128

export const FIELDS: Readonly<Record<string, Field>> = {
  id: {
    problem: (value) => (isText(value) && isUuidLike(value) ? undefined : 'is not a UUID'),
    atCreation: true,
    schema: { type: 'string', description: 'An identifier for the image' },
  },
  name: textOrNull('Descriptive name for the image'),
  visibility: oneOf(VISIBILITIES, 'Scope of image accessibility', false),
  owner: textOrNull('Owner of the image'),
  disk_format: { ...oneOf(DISK_FORMATS, 'Format of the disk', true), whileQueued: true },
  container_format: { ...oneOf(CONTAINER_FORMATS, 'Format of the container', true), whileQueued: true },
  min_disk: amount('Amount of disk space (in GB) required to boot image.'),
  min_ram: amount('Amount of ram (in MB) required to boot image.'),
  protected: flagField('If true, image will not be deletable.'),
  os_hidden: flagField('If true, image will not appear in default image list response.'),
  tags: {
    problem: (value) =>
      Array.isArray(value) && value.length <= MAX_TAGS && value.every((tag) => isText(tag) && tag !== '')
        ? undefined
        : `is not a list of at most ${MAX_TAGS} strings`,
    schema: {
      type: 'array',
      items: { type: 'string', maxLength: MAX_TEXT },
      description: 'List of strings related to the image',
    },
  },
  status: readOnly('string', 'Status of the image'),
  size: readOnly(['null', 'integer'], 'Size of image file in bytes'),
  virtual_size: readOnly(['null', 'integer'], 'Virtual size of image in bytes'),
  checksum: readOnly(['null', 'string'], 'md5 hash of image contents.'),
  os_hash_algo: readOnly(['null', 'string'], 'Algorithm to calculate the os_hash_value'),
  os_hash_value: readOnly(
    ['null', 'string'],
    'Hexdigest of the image contents using the algorithm specified by the os_hash_algo',
  ),
  created_at: readOnly('string', 'Date and time of image registration'),
  updated_at: readOnly('string', 'Date and time of the last image modification'),
  direct_url: readOnly('string', 'URL to access the image file kept in external store'),
  self: readOnly('string', 'An image self url'),
  file: readOnly('string', 'An image file url'),
  schema: readOnly('string', 'An image schema url'),
  stores: readOnly('string', 'Store in which image data resides.'),
}

const RESERVED = new Set([
  'deleted',
  'deleted_at',
  'is_public',
  'location',
  'locations',
  'members',
  'properties',
  'store',
])
const RESERVED_PREFIX = 'os_glance'
const MAX_PROPERTY_VALUE = 65_535
const MAX_PROPERTIES = 128

/** Whether it is one of Glance's own attributes; all else is a property that the owner made up. */
export const isBase = (name: string): boolean => Object.hasOwn(FIELDS, name)

/** Checks that the attribute may be sent and has a fitting value. Throws `forbidden` and `badRequest` faults. */
export function checkAttribute(name: string, value: Json, status: 'new' | ImageRow['status']): void {
  if (RESERVED.has(name) || name.startsWith(RESERVED_PREFIX))
    throw forbidden(`Attribute '${name}' is reserved.`)
  if (!isBase(name)) return checkProperty(name, value)
  const field = FIELDS[name]
  if (field?.readOnly || (field?.atCreation && status !== 'new'))
    throw forbidden(`Attribute '${name}' is read-only.`)
  const problem = field?.problem(value)
  if (problem !== undefined)
    throw badRequest(`Provided object does not match schema 'image': '${name}' ${problem}`)
  if (field?.whileQueued && status !== 'new' && status !== 'queued') {
    throw forbidden(`Attribute ${name} can be only replaced for a queued image.`)
  }
}

function checkProperty(name: string, value: Json): void {
  if (name === '' || !isText(name) || name === '__proto__')
    throw badRequest(
      `Provided object does not match schema 'image': '${name.slice(0, MAX_TEXT)}' is no name for a property`,
    )
  if (isText(value, MAX_PROPERTY_VALUE)) return
  throw badRequest(
    `Provided object does not match schema 'image': '${name}' is not a string of at most ${MAX_PROPERTY_VALUE} characters`,
  )
}

/** Throws when an image would have more properties than one may. */
export function checkPropertyCount(properties: Readonly<Record<string, string>>): void {
  const count = Object.keys(properties).length
  if (count > MAX_PROPERTIES)
    throw badRequest(
      `The limit has been exceeded on the number of allowed image properties. Attempted: ${count}, Maximum: ${MAX_PROPERTIES}`,
    )
}
