/** Ready-made pieces that many specs use, under the name `t`. */
import type { JsonSchema } from './json-schema.ts'
import { constant, type Piece } from './piece.ts'

/** What Nova takes for yes and no. */
const BOOLEANS = [
  true,
  'True',
  'TRUE',
  'true',
  '1',
  'ON',
  'On',
  'on',
  'YES',
  'Yes',
  'yes',
  false,
  'False',
  'FALSE',
  'false',
  '0',
  'OFF',
  'Off',
  'off',
  'NO',
  'No',
  'no',
] as const

/** Yes or no as sent: a boolean, or one of the words. `isTrue` reads it. */
export type Flag = boolean | string

const YES: ReadonlySet<unknown> = new Set(BOOLEANS.slice(0, 11))

/** Whether a flag says yes; a missing one does not. */
export const isTrue = (flag: Flag | null | undefined): boolean => YES.has(flag)

/** A number as sent: an integer, or its digits. `Number` reads it. */
export type Numeric = number | string

type StringLimits = Pick<JsonSchema, 'minLength' | 'maxLength' | 'pattern' | 'format'>

const text = (limits: StringLimits = {}): Piece<string> => constant({ type: 'string', ...limits })

export const t = {
  string: text,
  nullableString: (limits: StringLimits = {}): Piece<string | null> =>
    constant({ type: ['string', 'null'], ...limits }),
  uuid: text({ format: 'uuid' }),
  ipv4: text({ format: 'ipv4' }),
  ipv6: text({ format: 'ipv6' }),
  name: text({ minLength: 1, maxLength: 255, format: 'name' }),
  looseName: text({ minLength: 1, maxLength: 255, format: 'name_with_leading_trailing_spaces' }),
  zoneName: text({ minLength: 1, maxLength: 255, format: 'az_name' }),
  looseZoneName: text({ minLength: 1, maxLength: 255, format: 'az_name_with_leading_trailing_spaces' }),
  hostname: text({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-._]*$' }),
  /** Printable text, or null. */
  description: constant<string | null>({
    type: ['string', 'null'],
    minLength: 0,
    maxLength: 255,
    pattern: '^[^\\p{C}\\p{Zl}\\p{Zp}\\u{10000}-\\u{10FFFF}]*$',
  }),
  flag: constant<Flag>({ type: ['boolean', 'string'], enum: BOOLEANS }),
  boolean: constant<boolean>({ type: 'boolean' }),
  null: constant<null>({ type: 'null' }),
  anything: constant<unknown>({}),
  anyObject: constant<Readonly<Record<string, unknown>>>({ type: 'object' }),
  nonNegative: constant<Numeric>({
    type: ['integer', 'string'],
    pattern: '^[0-9]*$',
    minimum: 0,
    minLength: 1,
  }),
  positive: constant<Numeric>({ type: ['integer', 'string'], pattern: '^[0-9]*$', minimum: 1, minLength: 1 }),
  integer: (limits: Pick<JsonSchema, 'minimum' | 'maximum' | 'pattern'> = {}): Piece<Numeric> =>
    constant({ type: ['integer', 'string'], pattern: '^[0-9]+$', ...limits }),
  enum: <const W extends readonly (string | null)[]>(...words: W): Piece<W[number]> =>
    constant({ type: words.includes(null) ? ['string', 'null'] : 'string', enum: words }),
  /** Keys that look like `keys`, values that fit `value`. */
  map: <T>(
    keys: string,
    value: Piece<T>,
    limits: Pick<JsonSchema, 'minProperties' | 'maxProperties'> = {},
  ): Piece<Readonly<Record<string, T>>> =>
    constant({
      type: 'object',
      patternProperties: { [keys]: value.schemaAt(Infinity) },
      additionalProperties: false,
      ...limits,
    }),
} as const

const TRUE_WORDS = new Set(['1', 't', 'true', 'on', 'y', 'yes'])
const FALSE_WORDS = new Set(['0', 'f', 'false', 'off', 'n', 'no'])

/** Yes or no as oslo.utils reads it strictly; undefined when it is neither. */
export function readBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase()
  if (TRUE_WORDS.has(word)) return true
  return FALSE_WORDS.has(word) ? false : undefined
}
