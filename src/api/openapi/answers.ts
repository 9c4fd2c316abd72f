/** Schemas of answers, by route and version; made by `tools/make-answer-schemas.ts`. */
import { includes, rangeOf, type Operation, type Version } from '#lib/versioned/index.ts'
import answers from './answers.data.json' with { type: 'json' }

type Name = string
const ROUTES: Readonly<Record<string, readonly (readonly string[])[]>> = answers.routes
const SCHEMAS: Readonly<Record<Name, Readonly<Record<string, unknown>>>> = answers.schemas

/** `POST /servers/{}/action#reboot`: what a route is, whatever its parameters are called. */
export const routeOf = ({ method, path, action }: Pick<Operation, 'method' | 'path' | 'action'>): string =>
  `${method} ${pathOf(path)}${action === undefined ? '' : `#${action}`}`

/** The path without its parameters' names. */
export const pathOf = (path: string): string => path.replaceAll(/\{[^}]*\}/g, '{}')

/** The name of the schema of a route's answers; undefined where none is known, or no such version. */
export function answerSchema(operation: Operation, version: Version): Name | undefined {
  const found = ROUTES[routeOf(operation)]?.find(([min = '', max = '']) =>
    includes(rangeOf(`${min}..${max}`), version),
  )
  return found?.[2]
}

const REFERENCE = /"#\/components\/schemas\/(\w+)"/g

/** The schemas of these names, and all that they refer to. */
export function schemasNamed(names: Iterable<Name>): Readonly<Record<Name, object>> {
  const found: Record<Name, object> = {}
  const waiting = [...names]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const schema = SCHEMAS[name]
    if (schema === undefined || Object.hasOwn(found, name)) continue
    found[name] = schema
    for (const [, inner] of JSON.stringify(schema).matchAll(REFERENCE))
      if (inner !== undefined) waiting.push(inner)
  }
  return Object.fromEntries(
    Object.entries(found).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })),
  )
}

/** Whether the schema is of an empty body. */
export const isEmpty = (name: Name): boolean => SCHEMAS[name]?.['type'] === 'null'
