/** The facts of the compute API as they lie beside the repository: routes, schemas and samples of every version. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { isUuidLike } from '#lib/ids.ts'
import { readDateTime, readVersion, type Version } from '#lib/versioned/index.ts'
import { isIPv4, isIPv6 } from 'node:net'

const ROOT = resolve(import.meta.dirname, '../../../shared/spec')

export const haveFacts = existsSync(ROOT)

interface Ranged {
  readonly min: string | null
  readonly max: string | null
}
interface SchemaRef extends Ranged {
  readonly schema: string
}
interface SchemaRoute {
  readonly method: string
  readonly path: string
  readonly action?: string
  readonly body?: readonly SchemaRef[]
  readonly query?: readonly SchemaRef[]
}
export interface FactRoute extends Ranged {
  readonly method: string
  readonly path: string
  readonly action?: string
  readonly status: string
  readonly success: readonly (Ranged & { readonly code: number })[]
  readonly policies: readonly string[]
  /** What a route that was taken away answers. */
  readonly removed?: { readonly status: number }
}
interface SchemaFile {
  readonly _meta: { readonly formats: Readonly<Record<string, string | { readonly regex: string }>> }
  readonly routes: readonly SchemaRoute[]
  readonly schemas: Readonly<Record<string, object & { readonly $same_as?: string }>>
}
interface Sample {
  readonly file: string
  readonly microversion: string
  readonly kind: string
  readonly method: string
  readonly path: string
  readonly action?: string
}

/** A word of older drafts, which says nothing in the one that the facts are written in. */
const WITHOUT_MEANING = 'additionalItems'

const read = (name: string): unknown =>
  JSON.parse(readFileSync(resolve(ROOT, name), 'utf8'), (key, value: unknown) =>
    key === WITHOUT_MEANING ? undefined : value,
  )

/** `POST /servers/{}/action#reboot`: what a route is, whatever its parameters are called. */
export const keyOf = (route: { method: string; path: string; action?: string | undefined }): string =>
  `${route.method} ${route.path.replaceAll(/\{[^}]*\}/g, '{}')}${route.action === undefined ? '' : `#${route.action}`}`

const at = (text: string | null, otherwise: number): number =>
  text === null ? otherwise : (readVersion(text) ?? otherwise)

/** Whether a range of the facts holds at a version. */
export const holds = (range: Ranged, version: Version): boolean =>
  at(range.min, -Infinity) <= version && version <= at(range.max, Infinity)

/** A validator with Nova's formats and its reading of numbers in strings. */
function validator(formats: SchemaFile['_meta']['formats']): Ajv2020 {
  const ajv = new Ajv2020({
    strict: false,
    allErrors: false,
    validateFormats: true,
    unicodeRegExp: false,
    logger: false,
  })
  for (const [name, format] of Object.entries(formats))
    ajv.addFormat(name, typeof format === 'object' ? new RegExp(format.regex) : (CHECKS[name] ?? true))
  for (const [keyword, fits] of [
    ['minimum', (bound: number, value: number) => value >= bound],
    ['maximum', (bound: number, value: number) => value <= bound],
  ] as const) {
    ajv.removeKeyword(keyword)
    ajv.addKeyword({
      keyword,
      validate: (bound: number, value: unknown) => {
        const number = typeof value === 'string' && /^[+-]?\d+$/.test(value) ? Number(value) : value
        return typeof number !== 'number' || fits(bound, number)
      },
    })
  }
  return ajv
}

const CHECKS: Readonly<Record<string, (text: string) => boolean>> = {
  'date-time': (text) => readDateTime(text) !== undefined,
  uuid: isUuidLike,
  ipv4: isIPv4,
  ipv6: isIPv6,
  cidr: (text) => /^[0-9a-fA-F:.]+\/\d{1,3}$/.test(text),
  base64: (text) => Buffer.from(text, 'base64').toString('base64') === text.replaceAll(/\s/g, ''),
  regex: (text) => text !== '' && !text.startsWith('['),
}

export interface SchemaFacts {
  /** The check of a route's body or query at a version; undefined when the facts have none. */
  find(key: string, part: 'body' | 'query', version: Version): ValidateFunction | undefined
}

/** Schemas of requests, or of responses. */
export function schemaFacts(kind: 'request' | 'response'): SchemaFacts {
  const file = read(`${kind}-schemas.json`) as SchemaFile
  const ajv = validator(file._meta.formats)
  const routes = new Map(file.routes.map((route) => [keyOf(route), route]))
  const compiled = new Map<string, ValidateFunction>()
  const schemaOf = (id: string): object => {
    const schema = file.schemas[id]
    return schema?.$same_as === undefined ? (schema ?? {}) : schemaOf(schema.$same_as)
  }
  return {
    find(key, part, version) {
      const found = routes.get(key)?.[part]?.find((ref) => holds(ref, version))
      if (!found) return undefined
      const known = compiled.get(found.schema) ?? ajv.compile(schemaOf(found.schema))
      compiled.set(found.schema, known)
      return known
    },
  }
}

export const routeFacts = (): ReadonlyMap<string, FactRoute> =>
  new Map(
    (read('compute-routes.json') as { routes: FactRoute[] }).routes.map((route) => [keyOf(route), route]),
  )

/** Request bodies of Nova's own samples, by route. */
export const requestSamples = (): ReadonlyMap<string, readonly unknown[]> =>
  new Map([...samplesOf('request')].map(([key, some]) => [key, some.map(({ body }) => body)]))

/** Response bodies of Nova's own samples, by route. */
export const responseSamples = (): ReadonlyMap<string, readonly BodySample[]> => samplesOf('response')

/** The same as `requestSamples`, with file and version. */
export const requestSampleFiles = (): ReadonlyMap<string, readonly BodySample[]> => samplesOf('request')

export interface BodySample {
  readonly file: string
  readonly version: string
  readonly body: unknown
}

function samplesOf(kind: 'request' | 'response'): ReadonlyMap<string, readonly BodySample[]> {
  const { samples } = read('api-samples-index.json') as { samples: Sample[] }
  const own = samples.filter((sample) => sample.kind === kind)
  return new Map(
    [...Map.groupBy(own, keyOf)].map(([key, some]) => [
      key,
      some.map(({ file, microversion }) => ({
        file,
        version: microversion,
        body: read(`api-samples/${file}`),
      })),
    ]),
  )
}
