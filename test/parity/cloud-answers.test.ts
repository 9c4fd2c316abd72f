/** What a whole cloud answers on every route, at every version, against the facts' schemas and Nova's own samples. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiRoutes } from '#api/index.ts'
import { includes, versionOf } from '#lib/versioned/index.ts'
import { testServices } from '../functional/api/compute-api.ts'
import { startCloud } from '../functional/whole-cloud.ts'
import { type Ask, asksOf } from './cloud-asks.ts'
import { haveFacts, keyOf, responseSamples, schemaFacts } from './facts.ts'

const VERSIONS = Array.from({ length: 104 }, (_, index) => `2.${index + 1}`)

/** What is written is asked where a sample is of it, and at the two ends. */
const ENDS = ['2.1', '2.104']

/** Samples of what this cloud does not have, or not yet. */
const NOT_HERE: readonly RegExp[] = [
  /v2.69\/|down-cell/, // of cells that are down
  /hypervisors-without-servers/, // every search finds the host with the server
  /get-(spice|serial)-console|create-(mks|spice-direct)-console/, // consoles of other drivers
  /os-rescue/,
]

/** Routes that are asked elsewhere: of versions, of a compute that would come back, of audits (whose schema takes hosts for uuids), of consoles of other drivers. */
const NOT_ASKED = [
  'DELETE /os-services/{}',
  'GET /',
  'GET /os-instance_usage_audit_log',
  'GET /os-instance_usage_audit_log/{}',
  'GET /versions/{}',
  'POST /servers/{}/action#os-getSPICEConsole',
  'POST /servers/{}/action#os-getSerialConsole',
]

/** Places under which names are the deployment's, or depend on what lies there. */
const FREE =
  /(addresses|metadata|extra_specs|hosts|cpu_info|meta|properties|scheduler_hints|rules|flavor_access|volumes_attached)$/

/** The names of a body, with their places: `.servers[].links[].href`. */
function namesIn(value: unknown, place = '', found = new Set<string>()): ReadonlySet<string> {
  if (FREE.test(place)) return found
  if (Array.isArray(value)) for (const item of value) namesIn(item, `${place}[]`, found)
  else if (typeof value === 'object' && value !== null)
    for (const [name, inner] of Object.entries(value)) {
      found.add(`${place}.${name}`)
      namesIn(inner, `${place}.${name}`, found)
    }
  return found
}

/** What is only in one of two sets. */
function differences(expected: ReadonlySet<string>, got: ReadonlySet<string>): string[] {
  const missing = [...expected].filter((name) => !got.has(name)).map((name) => `-${name}`)
  const extra = [...got].filter((name) => !expected.has(name)).map((name) => `+${name}`)
  return [...missing, ...extra]
}

const keyOfAsk = ({ route }: Ask): string => {
  const [, method = '', path = '', action] = /^(\S+) ([^#]+)(?:#(.*))?$/.exec(route) ?? []
  return keyOf({ method, path, action })
}

if (haveFacts) {
  test('answers of a cloud are what the schemas and the samples say', async (t) => {
    const facts = schemaFacts('response')
    const samples = [...responseSamples()].flatMap(([key, some]) => some.map((one) => ({ key, ...one })))
    const asks = await asksOf(await startCloud(t, { hosts: 2 }))
    // Those of routes that were taken away are asked elsewhere.
    const operations = apiRoutes(testServices())
      .map(({ operation }) => operation)
      .filter((operation) => operation.statusAt(versionOf('2.1')) < 400)
    const unasked = operations.map(keyOf).filter((key) => !asks.some((ask) => keyOfAsk(ask) === key))
    assert.deepEqual([...new Set(unasked)].sort(), NOT_ASKED)

    let asked = 0
    for (const at of VERSIONS) {
      const version = versionOf(at)
      const answers: { key: string; names: ReadonlySet<string> }[] = []
      const sampled = samples.filter((sample) => sample.version === at)
      for (const ask of asks) {
        const key = keyOfAsk(ask)
        const isThere = operations.some((one) => keyOf(one) === key && includes(one.range, version))
        if (!isThere) continue
        if (ask.rare && !ENDS.includes(at) && !sampled.some((sample) => sample.key === key)) continue
        const { status, body } = await ask.send(at)
        const shown = JSON.stringify(body).slice(0, 1000)
        assert.ok(status < 300, `${key} at ${at}: ${status} ${shown}`)
        const fact = facts.find(key, 'body', version)
        const fits = fact === undefined || fact(body === '' ? null : body)
        assert.ok(fits, `${key} at ${at}: ${JSON.stringify(fact?.errors?.slice(0, 2))}\n${shown}`)
        asked += 1
        answers.push({ key, names: namesIn(body) })
      }
      for (const { key, file, body } of sampled) {
        const own = answers.filter((answer) => answer.key === key)
        if (own.length === 0 || NOT_HERE.some((pattern) => pattern.test(file))) continue
        const expected = namesIn(body)
        const [nearest = []] = own
          .map(({ names }) => differences(expected, names))
          .toSorted((a, b) => a.length - b.length)
        assert.deepEqual(nearest, [], `${key} at ${at} has no answer like ${file}`)
      }
    }
    assert.ok(asked > 4000, `only ${asked} were asked`)
  })
}
