/**
 * Placement's routes and request schemas against the published facts, at all forty versions, where the facts
 * lie beside the repository. Bodies are bent in many ways and judged by two independent checkers.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { isUuidLike } from '#lib/ids.ts'
import { includes, type Operation, type Version, versionOf } from '#lib/versioned/index.ts'
import { placementOperations } from '#placement/index.ts'
import { ROUTES } from '../functional/placement/route-table.ts'
import { bent } from './bent.ts'
import { holds } from './facts.ts'
import { explanationOf } from './placement-explained.ts'

interface Ranged {
  readonly min: string | null
  readonly max: string | null
}
interface Schema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly format?: string
  readonly pattern?: string
  readonly enum?: readonly unknown[]
}
interface Fact {
  readonly method: string
  readonly path: string
  readonly min: string
  readonly below_min?: number
  readonly policies: readonly string[]
  readonly success: readonly (Partial<Ranged> & { readonly code: number })[]
  readonly body: readonly (Ranged & { readonly schema: string })[]
  readonly query: readonly (Ranged & { readonly schema: string })[]
}

const SPEC = join(import.meta.dirname, '../../../shared/spec')
const VERSIONS: readonly Version[] = Array.from({ length: 40 }, (_, minor) => versionOf(`1.${minor}`))

const read = (file: string): unknown => JSON.parse(readFileSync(join(SPEC, file), 'utf8'))

const keyOf = ({ method, path }: { method: string; path: string }): string => `${method} ${path}`

/** `1.8..1.11`, `1.8..`. */
const holdsIn = (range: string, version: Version): boolean => {
  const [min = '', max = ''] = range.split('..')
  return holds({ min, max: max === '' ? null : max }, version)
}

const ranged = ({ min, max }: Partial<Ranged>): Ranged => ({ min: min ?? null, max: max ?? null })

/** The versions at which something begins or ends, by the table. */
function edgesOf(ranges: readonly string[]): string[] {
  return ranges.flatMap((range) => {
    const [first = '', last = ''] = range.split('..')
    return last === '' ? [first] : [first, `1.${Number(last.slice(2)) + 1}`]
  })
}

/** A body with all that a schema knows. */
function fullOf(schema: Schema): unknown {
  if (schema.anyOf) return fullOf(schema.anyOf[0] ?? {})
  if (schema.enum) return schema.enum[0]
  const [type] = [schema.type ?? 'object'].flat()
  if (type === 'object')
    return {
      ...mapped(schema.properties ?? {}, (name) => name),
      ...mapped(schema.patternProperties ?? {}, nameFor),
    }
  if (type === 'array') return [fullOf(schema.items ?? { type: 'string' })]
  if (type === 'integer' || type === 'number') return 1
  return schema.format === 'uuid' ? SOME_UUID : schema.pattern?.startsWith('^CUSTOM_') ? 'CUSTOM_X' : 'VCPU'
}

const SOME_UUID = '3d1fe9d0-6d43-4a3c-8f3a-5f0f4a1b2c3d'

const mapped = (schemas: Readonly<Record<string, Schema>>, name: (key: string) => string) =>
  Object.fromEntries(Object.entries(schemas).map(([key, inner]) => [name(key), fullOf(inner)]))

const nameFor = (pattern: string): string =>
  [SOME_UUID, 'VCPU', '_A', ''].find((each) => new RegExp(pattern).test(each)) ?? 'x'

/** The facts, with a checker of each schema. */
function readFacts() {
  const { routes } = read('placement-routes.json') as { routes: Fact[] }
  const { schemas } = read('placement/request-schemas.json') as { schemas: Record<string, Schema> }
  const ajv = new Ajv2020({ strict: false, logger: false, unicodeRegExp: false })
  ajv.addFormat('uuid', isUuidLike)
  const checks = new Map<string, ValidateFunction>()
  const find = (fact: Fact, part: 'body' | 'query', version: Version) => {
    const id = fact[part].find((each) => holds(each, version))?.schema
    if (id === undefined) return undefined
    const schema = schemas[id]
    assert.ok(schema, `${id} is not among the schemas`)
    const check = checks.get(id) ?? ajv.compile(schema)
    checks.set(id, check)
    return { id, schema, check }
  }
  return { routes, find }
}

const operationsOf = (fact: Fact, version: Version): Operation[] =>
  placementOperations.filter((each) => keyOf(each) === keyOf(fact) && includes(each.range, version))

if (existsSync(join(SPEC, 'placement-routes.json'))) {
  const { routes, find } = readFacts()

  test('the table of routes is the published one', () => {
    assert.deepEqual(ROUTES.map(({ route }) => route).sort(), routes.map(keyOf).sort())
    for (const fact of routes) {
      const row = ROUTES.find(({ route }) => route === keyOf(fact))
      assert.ok(row)
      assert.deepEqual(
        [row.since, row.before ?? 404, row.rule === null ? [] : [row.rule]],
        [fact.min, fact.below_min ?? 404, fact.policies],
        row.route,
      )
      for (const version of VERSIONS.filter((each) => each >= versionOf(fact.min))) {
        const [, answer] = Object.entries(row.answers).find(([range]) => holdsIn(range, version)) ?? []
        const codes = fact.success.filter((each) => holds(ranged(each), version)).map(({ code }) => code)
        assert.ok(codes.includes(answer?.[0] ?? 0), `${row.route} at ${version}`)
      }
    }
  })

  test('each change of a version that the facts tell of a route is one of the table’s', () => {
    const { microversions } = read('placement-microversions.json') as {
      microversions: { version: string; routes: string[] }[]
    }
    let told = 0
    for (const { version, routes: changed } of microversions) {
      for (const name of changed.filter((each) => each !== '*')) {
        const rows = ROUTES.filter(({ route }) =>
          name.startsWith('/') ? route.endsWith(` ${name}`) : route === name,
        )
        const edges = rows.flatMap((row) =>
          edgesOf([...Object.keys(row.answers), ...Object.values(row.takes ?? {})]),
        )
        assert.ok(edges.includes(version), `${version}: ${name}`)
        told++
      }
    }
    assert.ok(told > 40)
  })

  test('each route has its operation where the facts have it, and only there', () => {
    for (const fact of routes) {
      for (const version of VERSIONS) {
        const operations = operationsOf(fact, version)
        assert.equal(
          operations.length,
          version >= versionOf(fact.min) ? 1 : 0,
          `${keyOf(fact)} at ${version}`,
        )
        for (const { policy } of operations) assert.equal(policy, fact.policies[0])
      }
    }
    const known = new Set(routes.map(keyOf))
    const own = placementOperations.map(keyOf).filter((key) => !known.has(key))
    assert.deepEqual(own, ['GET /kilonova/allocation_candidates/explanation'])
  })

  test('bodies are taken and refused as the facts say', (context) => {
    let compared = 0
    const explained = new Map<string, number>()
    for (const fact of routes) {
      for (const version of VERSIONS) {
        for (const operation of operationsOf(fact, version)) {
          const body = find(fact, 'body', version)
          const where = `${keyOf(fact)} at ${version}`
          assert.equal(operation.bodySchemaAt(version) !== undefined, body !== undefined, where)
          if (!body) continue
          for (const value of bent(fullOf(body.schema))) {
            compared++
            const problem = operation.checkBody(version, value, { strip: false })
            if ((problem === undefined) === body.check(value)) continue
            const reason = explanationOf(keyOf(fact), value)
            assert.ok(reason, `${where}: ${JSON.stringify(value)}: ${problem?.message ?? 'is taken'}`)
            explained.set(reason, (explained.get(reason) ?? 0) + 1)
          }
        }
      }
    }
    assert.ok(compared > 10_000, String(compared))
    context.diagnostic(`${compared} bodies compared, explained: ${JSON.stringify([...explained])}`)
  })

  test('queries are taken and refused as the facts say', (context) => {
    const VALUES = [
      '',
      'x',
      '0',
      '1',
      '01',
      '-1',
      '1.5',
      'NaN',
      'none',
      'isolate',
      'all',
      'unknown',
      'INSTANCE',
      'ü',
      SOME_UUID,
      'x'.repeat(256),
    ]
    const NAMES = [
      'name',
      'uuid',
      'limit',
      'group_policy',
      'root_required',
      'same_subtree',
      'project_id',
      'user_id',
      'consumer_type',
      'associated',
      'nope',
    ].concat(
      ...['resources', 'required', 'member_of', 'in_tree'].flatMap((name) =>
        ['', '1', '01', '_A', '-', 'ü', 'x'.repeat(64), 'x'.repeat(65)].map((suffix) => `${name}${suffix}`),
      ),
    )
    let compared = 0
    for (const fact of routes) {
      for (const version of VERSIONS) {
        for (const operation of operationsOf(fact, version)) {
          const query = find(fact, 'query', version)
          const where = `${keyOf(fact)} at ${version}`
          assert.equal(operation.querySchemaAt(version) !== undefined, query !== undefined, where)
          if (!query) continue
          for (const base of [{}, { resources: 'VCPU:1' }, { project_id: 'p' }]) {
            for (const name of NAMES) {
              for (const value of VALUES) {
                compared++
                const sent = { ...base, [name]: value }
                const lists = Object.fromEntries(Object.entries(sent).map(([key, each]) => [key, [each]]))
                const problem = operation.checkQuery(version, lists)
                assert.equal(
                  problem === undefined,
                  query.check(sent),
                  `${where}: ${JSON.stringify(sent)} ${problem?.message ?? 'is taken'}`,
                )
              }
            }
          }
        }
      }
    }
    assert.ok(compared > 10_000)
    context.diagnostic(`${compared} queries compared, none explained`)
  })
}
