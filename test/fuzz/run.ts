/** `kilonova fuzz [--requests N] [--seed S]`: nonsense for every route of the compute API. */
import { parseArgs } from 'node:util'
import { apiRoutes } from '#api/index.ts'
import { versionOf } from '#lib/versioned/index.ts'
import { testServices } from '../functional/api/compute-api.ts'
import { haveFacts, keyOf, requestSamples } from '../parity/facts.ts'
import { fuzz } from './fuzz.ts'
import { CALLERS, fuzzGround, WORDS } from './ground.ts'

const MIN_VERSION = versionOf('2.1')

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
  },
})
const requests = Number(values.requests)
const seed = Number(values.seed)
if (!Number.isSafeInteger(requests) || requests < 1 || !Number.isSafeInteger(seed)) {
  console.error('fuzz: --requests and --seed are whole numbers')
  process.exit(2)
}

const ends: (() => unknown)[] = []
const ground = await fuzzGround({ after: (end?: unknown) => void ends.push(end as () => unknown) })
const operations = apiRoutes(testServices()).map(({ operation }) => operation)
const began = performance.now()
let told = 0
const report = await fuzz(ground, {
  operations,
  seed,
  requests,
  words: WORDS,
  callers: CALLERS,
  samples: haveFacts ? requestSamples() : new Map<string, readonly unknown[]>(),
  progress(done) {
    if (done - told < 10_000) return
    told = done
    console.error(`${done} requests`)
  },
})
for (const end of ends) await end()

const seconds = (performance.now() - began) / 1_000
const statuses = [...report.statuses]
  .sort(([a], [b]) => a - b)
  .map(([status, times]) => `${status} ×${times}`)
console.log(
  `${requests} requests to ${operations.length} operations in ${seconds.toFixed(0)} s, seed ${seed}; ${report.succeeded.size} routes answered with success`,
)
console.log(`answers: ${statuses.join(', ')}`)
const never = operations.filter(
  (operation) => operation.statusAt(MIN_VERSION) !== 410 && !report.succeeded.has(keyOf(operation)),
)
if (never.length > 0) console.log(`never with success: ${[...new Set(never.map(keyOf))].join(', ')}`)
for (const { what, request, times } of report.complaints) console.log(`\n✗ ${what} (${times}×)\n  ${request}`)
console.log(`\n${report.complaints.length} complaints`)
process.exitCode = report.complaints.length === 0 ? 0 : 1
