/**
 * Compiles a JSON schema into a function that finds the first problem of a value, in the order and the
 * words of Python's `jsonschema`, because clients and their tests read those words.
 */
import { FORMATS } from './formats.ts'
import type { JsonSchema, TypeName } from './json-schema.ts'
import { repr } from './python.ts'

export interface Problem {
  /** Property names and indices from the top to the value that does not fit. */
  readonly path: readonly (string | number)[]
  readonly value: unknown
  readonly message: string
  /** The message stands for itself: no path and value are told with it. */
  readonly alone?: true
}

export interface CheckOptions {
  /** Removes unknown properties from the value instead of refusing them. */
  readonly strip: boolean
}

type Path = readonly (string | number)[]
type Check = (value: unknown, path: Path, options: CheckOptions) => Problem | undefined
type JsonObject = Record<string, unknown>

/** The check of a schema: the first problem of a value, or undefined. */
export function compileSchema(
  schema: JsonSchema,
): (value: unknown, options: CheckOptions) => Problem | undefined {
  const check = compile(schema)
  return (value, options) => check(value, [], options)
}

/** Keywords are tried in the order in which the schema has them, as Python does. */
function compile(schema: JsonSchema): Check {
  const checks = Object.keys(schema).map((keyword) => {
    const make = KEYWORDS[keyword as keyof JsonSchema]
    if (make === undefined) throw new Error(`${keyword} is not a keyword that schemas here may use`)
    return make(schema)
  })
  const only = checks[0]
  if (checks.length === 1 && only) return only
  return (value, path, options) => {
    for (const check of checks) {
      const problem = check(value, path, options)
      if (problem) return problem
    }
    return undefined
  }
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const HAS_TYPE: Readonly<Record<TypeName, (value: unknown) => boolean>> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  integer: Number.isInteger,
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
}

const problem = (path: Path, value: unknown, message: string): Problem => ({ path, value, message })

/** A check of values that fit `guard`; others are no business of the keyword. */
function on<T>(
  guard: (value: unknown) => value is T,
  fits: (value: T) => boolean,
  message: (value: T) => string,
): Check {
  return (value, path) => (guard(value) && !fits(value) ? problem(path, value, message(value)) : undefined)
}

const isString = (value: unknown): value is string => typeof value === 'string'
const isArray = (value: unknown): value is readonly unknown[] => Array.isArray(value)

/** Code points, as Python counts. */
const lengthOf = (text: string): number => {
  let length = 0
  for (const _ of text) length += 1
  return length
}

/** Bounds hold for numbers written as strings too; a string that is no number is no business of theirs. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return isString(value) && /^\s*[+-]?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined
}

const bound =
  (fits: (value: number) => boolean, message: string): Check =>
  (value, path) => {
    const number = numberOf(value)
    return number === undefined || fits(number) ? undefined : problem(path, value, `${number} is ${message}`)
  }

const first = <T>(items: Iterable<T>, check: (item: T) => Problem | undefined): Problem | undefined => {
  for (const item of items) {
    const found = check(item)
    if (found) return found
  }
  return undefined
}

const KEYWORDS: { readonly [K in keyof JsonSchema]-?: (schema: JsonSchema) => Check } = {
  type: ({ type = [] }) => {
    const types = typeof type === 'string' ? [type] : type
    const tests = types.map((name) => HAS_TYPE[name])
    const names = types.map((name) => `'${name}'`).join(', ')
    return (value, path) =>
      tests.some((test) => test(value))
        ? undefined
        : problem(path, value, `${repr(value)} is not of type ${names}`)
  },
  enum: ({ enum: values = [] }) => {
    const known = new Set(values)
    return (value, path) =>
      known.has(value) ? undefined : problem(path, value, `${repr(value)} is not one of ${repr(values)}`)
  },
  pattern: ({ pattern = '' }) => {
    const regex = new RegExp(pattern, pattern.includes('\\p{') ? 'u' : '')
    return on(
      isString,
      (text) => regex.test(text),
      (text) => `${repr(text)} does not match ${repr(pattern)}`,
    )
  },
  format: ({ format = '' }) => {
    const known = FORMATS[format]
    if (known === undefined) throw new Error(`${format} is not a format`)
    return (value, path) => {
      if (!isString(value) || known.accepts(value)) return undefined
      if (known.refusal !== undefined) return { path, value, message: known.refusal, alone: true }
      return problem(path, value, `${repr(value)} is not a '${format}'`)
    }
  },
  minLength: ({ minLength = 0 }) =>
    on(
      isString,
      (text) => lengthOf(text) >= minLength,
      (text) => `${repr(text)} is too short`,
    ),
  maxLength: ({ maxLength = Infinity }) =>
    on(
      isString,
      (text) => text.length <= maxLength || lengthOf(text) <= maxLength,
      (text) => `${repr(text)} is too long`,
    ),
  minimum: ({ minimum = -Infinity }) =>
    bound((value) => value >= minimum, `less than the minimum of ${minimum}`),
  maximum: ({ maximum = Infinity }) =>
    bound((value) => value <= maximum, `greater than the maximum of ${maximum}`),
  exclusiveMinimum: ({ exclusiveMinimum = -Infinity }) =>
    on(
      (value) => typeof value === 'number',
      (value) => value > exclusiveMinimum,
      (value) => `${value} is less than or equal to the minimum of ${exclusiveMinimum}`,
    ),
  minItems: ({ minItems = 0 }) =>
    on(
      isArray,
      (list) => list.length >= minItems,
      (list) => `${repr(list)} is too short`,
    ),
  maxItems: ({ maxItems = Infinity }) =>
    on(
      isArray,
      (list) => list.length <= maxItems,
      (list) => `${repr(list)} is too long`,
    ),
  uniqueItems: () =>
    on(
      isArray,
      (list) => new Set(list.map((item) => JSON.stringify(item))).size === list.length,
      (list) => `${repr(list)} has non-unique elements`,
    ),
  prefixItems: ({ prefixItems = [] }) => {
    const checks = prefixItems.map(compile)
    return (value, path, options) =>
      isArray(value)
        ? first(checks.entries(), ([index, check]) =>
            index < value.length ? check(value[index], [...path, index], options) : undefined,
          )
        : undefined
  },
  items: ({ items = {} }) => {
    const check = compile(items)
    return (value, path, options) =>
      isArray(value)
        ? first(value.entries(), ([index, item]) => check(item, [...path, index], options))
        : undefined
  },
  properties: ({ properties = {} }) => {
    const checks = Object.entries(properties).map(([name, schema]) => [name, compile(schema)] as const)
    return (value, path, options) => {
      if (!isObject(value)) return undefined
      return first(checks, ([name, check]) =>
        Object.hasOwn(value, name) ? check(value[name], [...path, name], options) : undefined,
      )
    }
  },
  patternProperties: ({ patternProperties = {} }) => {
    const checks = Object.entries(patternProperties).map(
      ([pattern, schema]) => [new RegExp(pattern), compile(schema)] as const,
    )
    return (value, path, options) => {
      if (!isObject(value)) return undefined
      return first(checks, ([regex, check]) =>
        first(Object.keys(value), (name) =>
          regex.test(name) ? check(value[name], [...path, name], options) : undefined,
        ),
      )
    }
  },
  required:
    ({ required = [] }) =>
    (value, path) => {
      if (!isObject(value)) return undefined
      const missing = required.find((name) => !Object.hasOwn(value, name))
      return missing === undefined
        ? undefined
        : problem(path, value, `${repr(missing)} is a required property`)
    },
  additionalProperties: (schema) => additionalProperties(schema),
  minProperties: ({ minProperties = 0 }) =>
    on(
      isObject,
      (value) => Object.keys(value).length >= minProperties,
      (value) => `${repr(value)} does not have enough properties`,
    ),
  maxProperties: ({ maxProperties = Infinity }) =>
    on(
      isObject,
      (value) => Object.keys(value).length <= maxProperties,
      (value) => `${repr(value)} has too many properties`,
    ),
  oneOf: ({ oneOf = [] }) => alternatives(oneOf, (fitting) => fitting === 1),
  anyOf: ({ anyOf = [] }) => alternatives(anyOf, (fitting) => fitting >= 1),
  allOf: ({ allOf = [] }) => {
    const checks = allOf.map(compile)
    return (value, path, options) => first(checks, (check) => check(value, path, options))
  },
}

/** Alternatives never strip: a value that fits none must stay as it was sent. */
function alternatives(schemas: readonly JsonSchema[], enough: (fitting: number) => boolean): Check {
  const checks = schemas.map(compile)
  return (value, path) => {
    const fitting = checks.filter((check) => check(value, path, { strip: false }) === undefined).length
    if (enough(fitting)) return undefined
    const verdict =
      fitting === 0
        ? 'is not valid under any of the given schemas'
        : 'is valid under each of the given schemas'
    return problem(path, value, `${repr(value)} ${verdict}`)
  }
}

function additionalProperties({
  properties = {},
  patternProperties = {},
  additionalProperties: extra = true,
}: JsonSchema): Check {
  const patterns = Object.keys(patternProperties)
  const regexes = patterns.map((pattern) => new RegExp(pattern))
  const extrasOf = (value: JsonObject) =>
    Object.keys(value).filter(
      (name) => !Object.hasOwn(properties, name) && !regexes.some((regex) => regex.test(name)),
    )
  if (extra === true) return () => undefined
  if (extra !== false) {
    const check = compile(extra)
    return (value, path, options) =>
      isObject(value)
        ? first(extrasOf(value), (name) => check(value[name], [...path, name], options))
        : undefined
  }
  return (value, path, options) => {
    if (!isObject(value)) return undefined
    const extras = extrasOf(value)
    if (extras.length === 0) return undefined
    if (options.strip) {
      for (const name of extras) delete value[name]
      return undefined
    }
    return problem(path, value, extrasMessage(extras, patterns))
  }
}

function extrasMessage(extras: readonly string[], patterns: readonly string[]): string {
  const one = extras.length === 1
  const quote = (names: readonly string[]) => names.map((name) => repr(name)).join(', ')
  const unknown = quote(extras.toSorted())
  if (patterns.length > 0)
    return `${unknown} ${one ? 'does' : 'do'} not match any of the regexes: ${quote(patterns.toSorted())}`
  return `Additional properties are not allowed (${unknown} ${one ? 'was' : 'were'} unexpected)`
}
