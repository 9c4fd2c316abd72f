/**
 * `npm run bench -- api [--oracle] [--seconds N] [SIZE…]`: what the compute API costs. Lists, one server, flavors
 * and creates at 100 to 100,000 servers, on SQLite and on PostgreSQL; beside the real Nova in the same run.
 * A few minutes; shorter with fewer sizes (`100 1000`) or less time for each figure (`--seconds 0.3`).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { asAdmin, startPostgres } from '../test/contract/postgres.ts'
import { growTo, prepare } from './api/fill.ts'
import { type Asked, type Cost, costOf, type Target } from './api/measure.ts'
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

type Costs = Record<string, Cost>

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

async function measureAll(
  name: string,
  target: Target,
  asked: Readonly<Record<string, Asked>>,
): Promise<Costs> {
  const costs: Costs = {}
  for (const [what, one] of Object.entries(asked)) {
    const cost = await costOf(target, one, SECONDS)
    costs[what] = cost
    report(`${name}: ${what}`, cost)
  }
  return costs
}

async function measureOurs(
  name: string,
  url: string,
  around: Surroundings,
  databaseRoot?: number,
): Promise<Costs[]> {
  await prepare(url)
  const all: Costs[] = []
  for (const size of SIZES) {
    say(`${name}: filling up to ${size} servers`)
    const middle = await growTo(url, size, around.owner)
    const api = await around.startApi(url, databaseRoot)
    try {
      const costs = await measureAll(`${name}, ${size} servers`, api, readsOf(size, middle))
      const server = { name: 'bench', imageRef: around.owner.imageId, flavorRef: '1', networks: 'none' }
      if (size === SIZES.at(-1))
        Object.assign(
          costs,
          await measureAll(`${name}, ${size} servers`, api, {
            'POST /servers': { path: '/servers', body: { server } },
          }),
        )
      all.push(costs)
    } finally {
      await api.stop()
    }
  }
  tellFlatness(name, all)
  return all
}

/** How much longer the same page takes, and how much more CPU, with the most servers than with 1,000. */
function tellFlatness(name: string, all: readonly Costs[]): void {
  const [small, large] = [all[SIZES.indexOf(1_000)], all.at(-1)]
  for (const what of Object.keys(small ?? {})) {
    const [before, after] = [small?.[what], large?.[what]]
    if (!before || !after) continue
    const byThen = (of: (cost: Cost) => number) => Math.round((of(after) / of(before)) * 100) / 100
    report(`${name}: ${what}: at ${SIZES.at(-1)} by that at 1000`, {
      p50: byThen(({ p50Ms }) => p50Ms),
      cpu: byThen(({ apiCpuMs, databaseCpuMs }) => apiCpuMs + databaseCpuMs),
    })
  }
}

const dir = mkdtempSync(join(tmpdir(), 'kilonova-bench-'))
const around = await startSurroundings()
try {
  const sqlite = await measureOurs('SQLite', `sqlite://${join(dir, 'api.sqlite')}`, around)
  const server = await startPostgres({ isDurable: true })
  try {
    await asAdmin(server.url, 'create database bench')
    const postgres = await measureOurs(
      'PostgreSQL',
      server.url.replace('/postgres', '/bench'),
      around,
      process.pid,
    )
    if (values.oracle) {
      say('the real Nova: making a hundred servers')
      const nova = await measureNova((target, uuid) => {
        const asked = readsOf(100, uuid)
        return measureAll('Nova on MariaDB, 100 servers', target, asked)
      })
      for (const [name, ours] of Object.entries({ SQLite: sqlite.at(-1), PostgreSQL: postgres.at(-1) }))
        for (const [what, cost] of Object.entries(nova)) {
          const mine = ours?.[what]?.perSecondPerCore
          if (mine !== undefined)
            report(`${what}: ${name} by Nova, per core`, Math.round((mine / cost.perSecondPerCore) * 10) / 10)
        }
    }
  } finally {
    await server.stop()
  }
} finally {
  await around.stop()
  rmSync(dir, { recursive: true, force: true })
}
write()
