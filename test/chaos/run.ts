/**
 * `npm run chaos -- --minutes 10`: a fleet of real processes, PostgreSQL and RabbitMQ on this machine; clients create,
 * delete, stop, start and reboot servers, while processes are killed and stand still, and the broker and the database
 * go away. In the end every server is settled, nothing is lost and nothing leaked. Prints its seed; `--seed` replays the
 * faults (what the machine does between them it cannot replay).
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { fleetDown, type FleetFacts, type FleetOptions, fleetUp } from '../../src/cli/fleet/fleet.ts'
import { FULL_SHAPE } from '../../src/cli/fleet/plan.ts'
import { thisMachine } from '../../src/cli/this-machine.ts'
import { buildTinyImage } from '../../src/cli/up/tiny-image.ts'
import { prepare } from '../../bench/boot-storm/storm.ts'
import { login } from '../cloud-client.ts'
import { ROOT } from '../end-to-end/cloud-process.ts'
import { createRandom } from '../simulation/random.ts'
import { restlessness, type Scene, serversOf, wrongs } from './aftermath.ts'
import { createClient, openLedger } from './clients.ts'
import { evacuate } from './evacuation.ts'
import { makeFaults, openTally, type Restart, type Tally } from './faults.ts'
import { kindOf, type Victims, victimsOf } from './fleet.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    clients: { type: 'string', default: '6' },
    /** `qemu`: a host with real guests beside the simulated ones. */
    driver: { type: 'string', default: 'simulated' },
    /** Leaves the fleet running, to be looked at, when something is wrong. */
    keep: { type: 'boolean', default: false },
  },
})

/** All is to be at rest so soon after the last fault. */
const SETTLE_GOAL_MS = 10_000
/** So long it is waited for. */
const PATIENCE_MS = 120_000
const POLL_MS = 100
const SERVING_GOAL_MS = 2_000

const began = performance.now()
const say = (line: string): void =>
  void process.stdout.write(`${((performance.now() - began) / 1_000).toFixed(1).padStart(7)} ${line}\n`)

/** Asks again until there is nothing; answers what is left when patience ends, and how long it took. */
async function untilNothing(
  look: () => Promise<string[]>,
): Promise<{ readonly left: string[]; readonly ms: number }> {
  const start = performance.now()
  for (;;) {
    const left = await look()
    const ms = performance.now() - start
    if (left.length === 0 || ms > PATIENCE_MS) return { left, ms }
    await delay(POLL_MS)
  }
}

const listed = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([name, count]) => `${name} ${count}`).join(', ')

function tellFigures(tally: Tally): void {
  const total = [...tally.kills.values()].reduce((sum, count) => sum + count, 0)
  say(`${total} kills: ${listed(tally.kills)}`)
  say(`standstills: ${listed(tally.standstills)}`)
  say(
    `the broker was stopped ${tally.brokerStops} times, the database restarted ${tally.databaseRestarts} times`,
  )
  say('from restart to serving, without the time in which what it needs was itself down (ms):')
  for (const [kind, restarts] of Map.groupBy(tally.restarts, ({ name }) => kindOf(name))) {
    const own = sorted(restarts.map(ownMs))
    const whole = sorted(restarts.map(({ ms }) => ms))
    const cpu = sorted(restarts.map(({ cpuMs }) => cpuMs))
    const waited = restarts.filter(({ waitedMs }) => waitedMs > 0).length
    say(
      `  ${kind.padEnd(16)} median ${middle(own)}, most ${own.at(-1)}, of ${own.length}, of a processor ${middle(cpu)}; with waiting (${waited} of them) median ${middle(whole)}, most ${whole.at(-1)}`,
    )
  }
}

const ownMs = ({ ms, waitedMs }: Restart): number => ms - waitedMs
const sorted = (times: readonly number[]): number[] => times.map(Math.round).sort((a, b) => a - b)
const middle = (times: readonly number[]): number | undefined => times[Math.floor(times.length / 2)]

const lateRestarts = (tally: Tally): string[] =>
  tally.restarts
    .filter((restart) => ownMs(restart) > SERVING_GOAL_MS)
    .map(
      (restart) =>
        `${restart.name} served only ${Math.round(ownMs(restart))} ms after its restart, ${Math.round(restart.waitedMs)} ms of waiting not counted (of a processor ${restart.cpuMs} ms, load ${restart.load.toFixed(1)})`,
    )

/** What a run of ten minutes must have seen; a shorter one, its part. */
const LEAST = { servers: 300, kills: 60, outages: 2 } as const

/** A run that tried too little proves nothing. */
function shortfalls({ kills, brokerStops, databaseRestarts }: Tally, servers: number): string[] {
  const part = Math.min(1, Number(values.minutes) / 10)
  const killed = [...kills.values()].reduce((sum, count) => sum + count, 0)
  return [
    ...(servers < LEAST.servers * part ? [`only ${servers} servers were created`] : []),
    ...(killed < LEAST.kills * part ? [`only ${killed} processes were killed`] : []),
    ...(brokerStops < LEAST.outages ? [`the broker was stopped only ${brokerStops} times`] : []),
    ...(databaseRestarts < LEAST.outages
      ? [`the database was restarted only ${databaseRestarts} times`]
      : []),
  ]
}

/** One host of the simulated ones dies for good, and comes back after all. */
async function evacuateOne(scene: Scene, victims: Victims, create: () => Promise<string>): Promise<string[]> {
  const member = victims.members.find(({ name }) => name.startsWith('nova-compute-fake'))
  if (!member) return []
  const host = member.name.replace('nova-compute-', '')
  try {
    const { wrongs: found, servers, ms } = await evacuate(scene, { victims, member, host, create })
    say(`${host} died with ${servers} servers, which were evacuated, and came back: ${Math.round(ms)} ms`)
    return found
  } catch (error) {
    return [String(error)]
  }
}

async function play(options: FleetOptions, facts: FleetFacts): Promise<string[]> {
  const { stateDir } = options
  const random = createRandom(`chaos ${values.seed}`)
  const ledger = openLedger()
  const tally = openTally()
  const victims = victimsOf(options, facts)
  const { demo, server } = await prepare(stateDir)
  const stop = new AbortController()
  const clients = Array.from({ length: Number(values.clients) }, (_, number) => {
    const name = `client-${number + 1}`
    return createClient(name, { demo, server, random: random.fork(name), ledger })
  })
  const working = Promise.all(clients.map((client) => client.work(stop.signal)))
  working.catch((error: unknown) => ledger.outrages.push(String(error)))
  const lastsMs = Number(values.minutes) * 60_000
  await makeFaults({ victims, random: random.fork('faults'), tally, lastsMs, say })
  say('the last fault is over')
  const lastFault = performance.now()
  stop.abort()
  await working.catch(() => undefined)

  const db = new Client({ connectionString: victims.databaseUrl('nova') })
  await db.connect()
  try {
    const scene: Scene = { admin: await login(stateDir, 'kilonova-admin'), db, stateDir, ledger }
    const settled = await untilNothing(() => restlessness(scene))
    const settledMs = performance.now() - lastFault
    const atOnce = await wrongs(scene)
    for (const wrong of atOnce) say(`just after: ${wrong}`)
    const mended = atOnce.length === 0 ? { left: [], ms: 0 } : await untilNothing(() => wrongs(scene))
    if (atOnce.length > 0 && mended.left.length === 0)
      say(`repair mended that within ${Math.round(mended.ms)} ms`)
    const servers = await serversOf(scene)
    const failed = servers.filter(({ status }) => status === 'ERROR')
    for (const { id, fault } of failed) say(`ERROR ${id}: ${fault?.message}`)
    const evacuated = await evacuateOne(scene, victims, async () => {
      const made = await demo.ok('compute', 'POST', '/servers', {
        server: { ...server, name: 'to-be-saved' },
      })
      return String(made.server.id)
    })
    for (const { id } of await serversOf(scene)) {
      await scene.admin.ok('compute', 'DELETE', `/servers/${id}`)
      ledger.unwanted.add(id).add(id)
      ledger.deleted.add(id)
    }
    const emptied = await untilNothing(async () => [...(await restlessness(scene)), ...(await wrongs(scene))])
    tellFigures(tally)
    say(`answers: ${listed(ledger.answers)}`)
    say(
      `${ledger.created.size} servers created, ${ledger.unwanted.size} deleted; ${failed.length} in ERROR, each with its reason`,
    )
    say(`settled ${Math.round(settledMs)} ms after the last fault`)
    return [
      ...settled.left.map((line) => `never settles: ${line}`),
      ...(settledMs > SETTLE_GOAL_MS ? [`settled only after ${Math.round(settledMs)} ms`] : []),
      ...mended.left.map((line) => `stays: ${line}`),
      ...evacuated.map((line) => `evacuated: ${line}`),
      ...lateRestarts(tally),
      ...shortfalls(tally, ledger.created.size),
      ...emptied.left.map((line) => `after the last deletes: ${line}`),
      ...tally.failures.map((line) => `a fault did not end: ${line}`),
      ...ledger.outrages.map((line) => `told a client: ${line}`),
    ]
  } finally {
    await db.end()
  }
}

async function main(): Promise<number> {
  say(`seed ${values.seed}: ${values.minutes} minutes, ${values.clients} clients, driver ${values.driver}`)
  const stateDir = mkdtempSync(join(tmpdir(), 'kilonova-chaos-'))
  const options: FleetOptions = { stateDir, launcher: join(ROOT, 'bin/kilonova.mjs'), say }
  const isReal = values.driver === 'qemu'
  const facts: FleetFacts = {
    firstPort: 20_000 + ((process.pid * 40) % 12_000),
    shape: { ...FULL_SHAPE, qemu: isReal },
    driver: isReal ? 'qemu' : 'simulated',
  }
  const cache = join(ROOT, 'node_modules/.cache/kilonova')
  let isWrong = true
  try {
    await fleetUp(options, facts, () => buildTinyImage(ROOT, cache, thisMachine()))
    const problems = await play(options, facts)
    for (const problem of problems) say(`PROBLEM ${problem}`)
    isWrong = problems.length > 0
    say(
      isWrong
        ? `${problems.length} problems. seed ${values.seed}`
        : `nothing lost, nothing leaked, all settled. seed ${values.seed}`,
    )
    return isWrong ? 1 : 0
  } finally {
    if (isWrong && values.keep) say(`kept in ${stateDir}`)
    else await fleetDown(options, facts, true)
  }
}

process.exitCode = await main().catch((error: unknown) => {
  say(error instanceof Error ? String(error.stack) : String(error))
  say(`seed ${values.seed}`)
  return 1
})
