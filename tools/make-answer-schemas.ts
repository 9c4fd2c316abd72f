/**
 * Makes `src/api/openapi/answers.data.json`, the schemas of what each route answers at each version, from the facts of
 * the API where those lie beside the repository. What several schemas share is kept once and referred to.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

interface Ref {
  readonly schema: string
  readonly min: string | null
  readonly max: string | null
}
interface Facts {
  readonly routes: readonly {
    readonly method: string
    readonly path: string
    readonly action?: string
    readonly body?: readonly Ref[]
  }[]
  readonly schemas: Readonly<Record<string, object & { readonly $same_as?: string }>>
}

const ROOT = resolve(import.meta.dirname, '..')
const facts = JSON.parse(readFileSync(resolve(ROOT, '../shared/spec/response-schemas.json'), 'utf8')) as Facts

/** Smaller ones are not worth a reference. */
const WORTH = 80

const resolved = (id: string): object => {
  const schema = facts.schemas[id] ?? {}
  return schema.$same_as === undefined ? schema : resolved(schema.$same_as)
}

const used = [
  ...new Set(
    facts.routes.flatMap(({ body = [] }) => body.map(({ schema }) => JSON.stringify(resolved(schema)))),
  ),
].map((text) => JSON.parse(text) as unknown)

const times = new Map<string, number>()
const isSchema = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  ('type' in value || 'oneOf' in value)

function count(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (isSchema(value)) {
    const text = JSON.stringify(value)
    times.set(text, (times.get(text) ?? 0) + 1)
    // What is beneath was counted with the first.
    if ((times.get(text) ?? 0) > 1) return
  }
  for (const inner of Object.values(value)) count(inner)
}
for (const schema of used) count(schema)

const names = new Map<string, string>()
const schemas: Record<string, unknown> = {}

/** The value with references to what is shared. */
function shared(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(shared)
  const text = JSON.stringify(value)
  const inner = () => Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shared(each)]))
  if (!isSchema(value) || text.length < WORTH || (times.get(text) ?? 0) < 2) return inner()
  return { $ref: `#/components/schemas/${named(text, inner)}` }
}

function named(text: string, make: () => unknown): string {
  const known = names.get(text)
  if (known !== undefined) return known
  const name = `answer${names.size + 1}`
  names.set(text, name)
  schemas[name] = make()
  return name
}

const routes = Object.fromEntries(
  facts.routes
    .filter(({ body = [] }) => body.length > 0)
    .map(({ method, path, action, body = [] }) => [
      `${method} ${path.replaceAll(/\{[^}]*\}/g, '{}')}${action === undefined ? '' : `#${action}`}`,
      body.map(({ schema, min, max }) => {
        const whole = resolved(schema)
        const text = JSON.stringify(whole)
        const name = named(text, () =>
          Object.fromEntries(Object.entries(whole).map(([key, each]) => [key, shared(each)])),
        )
        return [min ?? '', max ?? '', name]
      }),
    ]),
)
const file = resolve(ROOT, 'src/api/openapi/answers.data.json')
const lines = (record: Record<string, unknown>) =>
  Object.entries(record)
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join(',\n')
writeFileSync(file, `{"routes":{\n${lines(routes)}\n},\n"schemas":{\n${lines(schemas)}\n}}\n`)
