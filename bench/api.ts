/**
 * `npm run bench -- api [--oracle] [--seconds N] [SIZE…]`: what the compute API costs. Lists, one server, flavors
 * and creates at 100 to 100,000 servers, on SQLite and on PostgreSQL; beside the real Nova in the same run.
 * A few minutes; shorter with fewer sizes (`100 1000`) or less time for each figure (`--seconds 0.3`).
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { asAdmin, startPostgres } from '../test/contract/postgres.ts'
import { growTo, prepare } from './api/fill.ts'
import { type Asked, type Cost, costsOf, type Target } from './api/measure.ts'
import { measureNova } from './api/nova.ts'
import { type Surroundings, startSurroundings } from './api/ours.ts'
import { figuresOf } from './measure/figures.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { oracle: { type: 'boolean' }, seconds: { type: 'string', default: '1.5' } },
})
const SIZES = positionals.length > 0 ? positionals.map(Number) : [100, 1_000, 10_000, 100_000]
const SECONDS = Number(values.seconds)

const { report, write } = figuresOf('api')

/** Not a figure: where the run is, and how long it has taken so far. */
const say = (what: string): void => console.error(`[${Math.round(performance.now() / 1000)} s] ${what}`)

type Costs = Readonly<Record<string, Cost>>

/** What is asked; the same of ours and of the real one. */
const readsOf = (size: number, uuid: string): Readonly<Record<string, Asked>> => ({
  'GET /servers/detail?limit=100': { path: '/servers/detail?limit=100' },
  ...(size >= 1_000 && {
    'GET /servers/detail?limit=1000': { path: '/servers/detail?limit=1000' },
    'GET /servers/detail?limit=100, from the middle': { path: `/servers/detail?limit=100&marker=${uuid}` },
  }),
  'GET /servers/{id}': { path: `/servers/${uuid}` },
  'GET /flavors/detail': { path: '/flavors/detail' },
})

/** A service with so many servers. */
interface Sized {
  readonly name: string
  readonly size: number
  readonly target: Target
  readonly asked: Readonly<Record<string, Asked>>
}

/** Asks all of them the same, by turns; answers what each of them costs. */
async function measureAll(services: readonly Sized[]): Promise<Map<Sized, Costs>> {
  const costs = new Map<Sized, Record<string, Cost>>(services.map((service) => [service, {}]))
  for (const what of Object.keys(services.at(-1)?.asked ?? {})) {
    const able = services.flatMap((service) => {
      const { [what]: one } = service.asked
      return one ? [{ ...one, service, target: service.target }] : []
    })
    const measured = await costsOf(able, SECONDS)
    for (const [at, { service }] of able.entries()) {
      const [cost, own] = [measured[at], costs.get(service)]
      if (!cost || !own) continue
      own[what] = cost
      report(`${service.name}, ${service.size} servers: ${what}`, cost)
    }
    const few = measured[able.findIndex(({ service }) => service.size === FEW)]
    const [most, last] = [measured.at(-1), able.at(-1)?.service]
    if (few && most && last && last.size > FEW)
      report(`${last.name}: ${what}: at ${last.size} by that at ${FEW}`, timesAsMuch(most, few))
  }
  return costs
}

/** With so many the longest page is full: from here on more servers should make no difference. */
const FEW = 1_000

/** How much longer it takes, and how much more CPU. */
function timesAsMuch(most: Cost, few: Cost) {
  const byThen = (of: (cost: Cost) => number) => Math.round((of(most) / of(few)) * 100) / 100
  return {
    p50: byThen(({ p50Ms }) => p50Ms),
    cpu: byThen(({ apiCpuMs, databaseCpuMs }) => apiCpuMs + databaseCpuMs),
  }
}

/** Where the databases of one kind are. */
interface Place {
  readonly name: string
  /** The process whose children serve them, when they are not in files. */
  readonly root?: number
  /** The URL of an empty one, or of a copy of another that nobody uses. */
  make(database: string, copied: string | undefined): Promise<string>
}

/** Each size has a database and an API of its own, all up at once; the real Nova is asked in turn with them. */
async function measureOurs(place: Place, around: Surroundings, nova: Sized | undefined): Promise<void> {
  const { name } = place
  const filled: { size: number; url: string; middle: string }[] = []
  for (const size of SIZES) {
    say(`${name}: filling up to ${size} servers`)
    const before = filled.at(-1)
    const url = await place.make(`servers_${size}`, before && `servers_${before.size}`)
    if (!before) await prepare(url)
    filled.push({ size, url, middle: await growTo(url, size, around.owner) })
  }
  const services: (Sized & { readonly target: Target & { stop(): Promise<void> } })[] = []
  try {
    for (const { size, url, middle } of filled) {
      const target = await around.startApi(url, place.root)
      services.push({ name, size, target, asked: readsOf(size, middle) })
    }
    say(`${name}: asking`)
    const reads = await measureAll([...(nova ? [nova] : []), ...services])
    const largest = services.at(-1)
    if (nova && largest) compare(name, reads.get(largest) ?? {}, reads.get(nova) ?? {})
    const server = { name: 'bench', imageRef: around.owner.imageId, flavorRef: '1', networks: 'none' }
    const asked = { 'POST /servers': { path: '/servers', body: { server } } }
    await measureAll(services.slice(-1).map((each) => ({ ...each, asked })))
  } finally {
    for (const { target } of services) await target.stop()
  }
}

/** Ours with the most servers, beside the real one with a hundred. */
function compare(name: string, ours: Costs, nova: Costs): void {
  for (const [what, { perSecondPerCore }] of Object.entries(nova)) {
    const times = (ours[what]?.perSecondPerCore ?? 0) / perSecondPerCore
    report(`${what}: ${name} by Nova, per core`, Math.round(times * 10) / 10)
  }
}

async function measureBoth(nova: Sized | undefined): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-bench-'))
  const around = await startSurroundings()
  try {
    await measureOurs(filesIn(dir), around, nova)
    const server = await startPostgres({ isDurable: true })
    try {
      // What is filled in is vacuumed and analyzed at once; nobody is to do it while others are asked.
      await asAdmin(server.url, 'alter system set autovacuum = off')
      await asAdmin(server.url, 'select pg_reload_conf()')
      await measureOurs(databasesOf(server.url), around, nova)
    } finally {
      await server.stop()
    }
  } finally {
    await around.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

const filesIn = (dir: string): Place => ({
  name: 'SQLite',
  async make(database, copied) {
    const path = join(dir, `${database}.sqlite`)
    if (copied !== undefined) copyFileSync(join(dir, `${copied}.sqlite`), path)
    return `sqlite://${path}`
  },
})

const databasesOf = (url: string): Place => ({
  name: 'PostgreSQL',
  root: process.pid,
  async make(database, copied) {
    await asAdmin(url, `create database ${database} template ${copied ?? 'template1'}`)
    return url.replace('/postgres', `/${database}`)
  },
})

if (values.oracle) {
  say('the real Nova: making a hundred servers')
  await measureNova((target, uuid) =>
    measureBoth({ name: 'Nova on MariaDB', size: 100, target, asked: readsOf(100, uuid) }),
  )
} else await measureBoth(undefined)
write()
