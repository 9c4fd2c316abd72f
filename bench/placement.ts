/**
 * `npm run bench -- placement [SIZE…] [--oracle]`: what Placement costs. Candidates at 1,000, 10,000 and 100,000
 * hosts (or the sizes given) and in a nested world, once a kind of query is warm (after 2,000 of it; of its first 500 the
 * slowest are told apart), memory, time to load; durable claims on PostgreSQL beside what PostgreSQL alone does. With
 * `--oracle` the real Placement (../shared/oracle) is asked the same of up to 10,000 hosts, and what ours costs is told
 * as its part.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findOracle, type Oracle, startOracle } from '../test/interop/oracle.ts'
import { asAdmin, startPostgres } from '../test/contract/postgres.ts'
import { figuresOf } from './measure/figures.ts'
import { BRIEF, type Cost, costOf, FLAT_QUERIES, NESTED_QUERIES, STEADY } from './placement/candidates.ts'
import { claimRate, postgresAlone } from './placement/claims.ts'
import { fill } from './placement/fill.ts'
import { startReal } from './placement/real.ts'
import { type Service, startService } from './placement/service.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { oracle: { type: 'boolean', default: false }, 'oracle-dir': { type: 'string' } },
})
const SIZES = positionals.length > 0 ? positionals.map(Number) : [1_000, 10_000, 100_000]
/** The real one takes seconds for one request beyond this. */
const REAL_HOSTS = 10_000
const CLIENTS = 16
const CLAIM_MS = 10_000

const { keep, report, write } = figuresOf('placement')
keep('candidates are measured', {
  how: 'each kind of query one after another, first, then until it is warm, then in windows; p99Ms is that of the window in the middle, worstWindowP99Ms the largest, firstP99Ms that of the first requests',
  ...STEADY,
})

async function measureQueries(
  name: string,
  service: Service,
  queries: Readonly<Record<string, string>>,
): Promise<Map<string, Cost>> {
  const costs = new Map<string, Cost>()
  for (const [what, query] of Object.entries(queries)) {
    const cost = await costOf(service, query, STEADY)
    costs.set(what, cost)
    report(`${name}: ${what}`, cost)
  }
  return costs
}

/** The same queries to the real one, and how many times what ours costs. */
async function measureReal(
  oracle: Oracle,
  dir: string,
  hosts: number,
  ours: ReadonlyMap<string, Cost>,
): Promise<void> {
  const service = await startReal(oracle, dir, hosts)
  try {
    for (const [what, query] of Object.entries(FLAT_QUERIES)) {
      const real = await costOf(service, query, BRIEF)
      const own = ours.get(what)
      const times = own && {
        cpu: Math.round(real.cpuMs / own.cpuMs),
        p50: Math.round(real.p50Ms / own.p50Ms),
      }
      report(`${hosts} hosts: ${what}: the real one`, { ...real, timesOurs: times })
    }
  } finally {
    await service.stop()
  }
}

/** Asked at once, the first query waits until everything is loaded. */
async function measureStart(name: string, service: Service): Promise<void> {
  const began = performance.now()
  await service.ask('GET', '/allocation_candidates?resources=VCPU:1&limit=1')
  report(`${name}: start (ms)`, {
    toFirstAnswer: service.startMs,
    toFirstCandidates: Math.round(service.startMs + performance.now() - began),
  })
}

async function measureFlat(dir: string, size: number, oracle: Oracle | undefined): Promise<void> {
  const name = `${size} hosts`
  const url = `sqlite://${join(dir, `flat-${size}.sqlite`)}`
  await fill(url, { hosts: size, children: 0, isUsed: true })
  const service = await startService(url)
  try {
    await measureStart(name, service)
    const loaded = service.memoryMib()
    const ours = await measureQueries(name, service, FLAT_QUERIES)
    report(`${name}: memory of the process (PSS, MiB)`, { loaded, afterQueries: service.memoryMib() })
    if (oracle && size <= REAL_HOSTS) await measureReal(oracle, dir, size, ours)
  } finally {
    await service.stop()
  }
}

async function measureNested(dir: string): Promise<void> {
  const url = `sqlite://${join(dir, 'nested.sqlite')}`
  await fill(url, { hosts: 1_000, children: 8, isUsed: false })
  const service = await startService(url)
  try {
    await measureQueries('1000 hosts with 8 devices each', service, NESTED_QUERIES)
  } finally {
    await service.stop()
  }
}

async function measureClaims(dir: string): Promise<void> {
  const postgres = await startPostgres({ isDurable: true })
  try {
    const hosts = 1_000
    await asAdmin(postgres.url, 'create database bench')
    const url = postgres.url.replace('/postgres', '/bench')
    const uuids = await fill(url, { hosts, children: 0, isUsed: false })
    const service = await startService(url, CLIENTS)
    try {
      for (const clients of [1, CLIENTS]) {
        const cpuBefore = service.cpuSeconds()
        const rate = await claimRate(service, uuids, { clients, ms: CLAIM_MS })
        const cpuMs = ((service.cpuSeconds() - cpuBefore) * 1_000) / ((rate.perSecond * CLAIM_MS) / 1_000)
        const figure = { ...rate, cpuMsOfPlacement: Math.round(cpuMs * 100) / 100 }
        report(`durable claims on PostgreSQL, ${clients} clients`, figure)
      }
    } finally {
      await service.stop()
    }
    const alone = postgresAlone(postgres.programs, dir, url, { clients: CLIENTS, hosts, seconds: 8 })
    report(`PostgreSQL alone, ${CLIENTS} clients (pgbench)`, {
      commitsPerSecond: alone.commits,
      claimsPerSecond: alone.claims,
    })
  } finally {
    await postgres.stop()
  }
}

const dir = mkdtempSync(join(tmpdir(), 'kilonova-bench-'))
const oracle = values.oracle
  ? await startOracle(findOracle(values['oracle-dir']), ['--no-neutron'])
  : undefined
try {
  for (const size of SIZES) await measureFlat(dir, size, oracle)
  await measureNested(dir)
  await measureClaims(dir)
} finally {
  await oracle?.release()
  rmSync(dir, { recursive: true, force: true })
}
write()
