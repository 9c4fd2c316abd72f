/**
 * Every route at every version against the facts: where it exists, what it takes, how it answers. What is
 * taken is compared on Nova's samples and on samples bent in many ways, each by two independent checkers.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { apiRoutes } from '#api/index.ts'
import {
  compileSchema,
  formatVersion,
  includes,
  type JsonSchema,
  type Operation,
  type Problem,
  type Version,
  versionOf,
} from '#lib/versioned/index.ts'
import { testServices } from '../functional/api/compute-api.ts'
import { bent } from './bent.ts'
import { haveFacts, holds, keyOf, requestSamples, routeFacts, schemaFacts } from './facts.ts'

const VERSIONS: readonly Version[] = Array.from({ length: 104 }, (_, index) => versionOf(`2.${index + 1}`))

const operations = apiRoutes(testServices()).map(({ operation }) => operation)

test('every operation has a shape at every version', () => {
  for (const operation of operations) {
    for (const version of [versionOf('2.0'), ...VERSIONS]) {
      operation.checkBody(version, {}, { strip: false })
      operation.checkQuery(version, {})
      assert.ok(operation.statusAt(version) >= 200, keyOf(operation))
    }
  }
})

/** A comparison with the facts, where they lie beside the repository. */
function compare(name: string, run: (t: TestContext) => Promise<void> | void): void {
  if (haveFacts) void test(name, run)
}

compare('routes are where Nova has them, with its status and one of its rules', () => {
  const facts = routeFacts()
  for (const operation of operations) {
    const key = keyOf(operation)
    const fact = facts.get(key)
    assert.ok(fact, `${key} is no route of Nova`)
    if (operation.policy !== undefined && fact.status === 'active')
      assert.ok(fact.policies.includes(operation.policy), `${key}: ${operation.policy}`)
    for (const version of VERSIONS) {
      const siblings = operations.filter((other) => keyOf(other) === key)
      const isHere = siblings.some(({ range }) => includes(range, version))
      assert.equal(isHere, holds(fact, version), `${key} at ${formatVersion(version)}`)
      if (!includes(operation.range, version)) continue
      const codes = fact.removed
        ? [fact.removed.status]
        : fact.success.filter((success) => holds(success, version)).map(({ code }) => code)
      assert.ok(
        codes.includes(operation.statusAt(version)),
        `${key} at ${formatVersion(version)}: ${codes.join()}`,
      )
    }
  }
})

/** What is told of a problem. Nova tells of a short text its length first; the facts tell its format first. */
const wordsOf = (problem: Problem | undefined): unknown => {
  if (!problem) return undefined
  const isShort = typeof problem.value === 'string' && problem.value.length < 2
  return isShort ? [problem.path] : [problem.path, problem.message]
}

function compareBodies(
  operation: Operation,
  samples: readonly unknown[],
  facts: ReturnType<typeof schemaFacts>,
): number {
  const key = keyOf(operation)
  const bodies = samples.flatMap((sample) => [...bent(sample)])
  const seen = new Set<unknown>()
  let compared = 0
  for (const version of VERSIONS.filter((one) => includes(operation.range, one))) {
    const fact = facts.find(key, 'body', version)
    assert.equal(
      fact === undefined,
      operation.spec.body === undefined,
      `${key} at ${formatVersion(version)} takes a body or not`,
    )
    // The same pair of schemas has been compared on all bodies already.
    const pair = `${JSON.stringify(fact?.schema)} ${JSON.stringify(operation.bodySchemaAt(version))}`
    if (!fact || seen.has(pair)) continue
    seen.add(pair)
    const firstProblem = compileSchema(fact.schema as JsonSchema)
    for (const body of bodies) {
      const problem = operation.checkBody(version, body, { strip: false })
      const expected = firstProblem(body, { strip: false })
      assert.deepEqual(wordsOf(problem), wordsOf(expected), `${key} at ${formatVersion(version)}`)
      compared += 1
      assert.equal(
        problem === undefined,
        fact(body),
        `${key} at ${formatVersion(version)}: ${JSON.stringify(body).slice(0, 400)} (${problem?.message})`,
      )
    }
  }
  return compared
}

compare('bodies are taken and refused as the facts say', () => {
  const facts = schemaFacts('request')
  const samples = requestSamples()
  let compared = 0
  for (const operation of operations)
    compared += compareBodies(operation, samples.get(keyOf(operation)) ?? [{}], facts)
  assert.ok(compared > 10_000, `only ${compared} bodies were compared`)
})

const VALUES = [
  '',
  'x',
  '1',
  '-1',
  'abc',
  '[',
  'asc',
  'name',
  'created_at',
  'uuid',
  '2012-08-20T21:11:09Z',
  'True',
]

compare('queries are taken and refused as the facts say', () => {
  const facts = schemaFacts('request')
  for (const operation of operations) {
    const key = keyOf(operation)
    const names = new Set(
      VERSIONS.flatMap((version) => Object.keys(operation.querySchemaAt(version)?.properties ?? {})),
    )
    const queries = [...names, 'nope', '_x'].flatMap((name) => [
      ...VALUES.map((value) => ({ [name]: [value] })),
      { [name]: ['1', '2'] },
    ])
    for (const version of VERSIONS.filter((one) => includes(operation.range, one))) {
      const fact = facts.find(key, 'query', version)
      if (!fact) continue
      for (const query of [{}, ...queries]) {
        const problem = operation.checkQuery(version, query)
        assert.equal(
          problem === undefined,
          fact(query),
          `${key} at ${formatVersion(version)}: ${JSON.stringify(query)} (${problem?.message})`,
        )
      }
    }
  }
})
