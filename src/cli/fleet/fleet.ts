/** A fleet on this machine: brought up in order, looked at, taken down. Each may be done again and again. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '#lib/clock.ts'
import { createHttpClient, type HttpClient } from '#lib/http/index.ts'
import { randomIds } from '#lib/ids.ts'
import { loadServiceSettings } from '../services/settings.ts'
import { openNovaDatabase, syncNova } from '../services/database.ts'
import { STAND_IN_PATHS } from '../services/stand-ins.ts'
import { sessionOf } from '../up/neighbours.ts'
import { makeFlavors, uploadTiny } from '../up/provision.ts'
import { eraseStateDir, openStateDir, type StateDir } from '../up/state-dir.ts'
import type { TinyImage } from '../up/tiny-image.ts'
import type { DriverName } from '../up/up-arguments.ts'
import { type FleetPlan, type FleetShape, type OwnProcess, planFleet } from './plan.ts'
import { planPostgres, type PostgresPlan } from './postgres.ts'
import { type Program, runningPid, startProgram, stopProgram } from './processes.ts'
import { planRabbitMq, type RabbitPlan, transportUrl } from './rabbitmq.ts'

/** What was decided at the first start, and holds from then on: the catalog has the ports. */
export interface FleetFacts {
  readonly firstPort: number
  readonly shape: FleetShape
  readonly driver: DriverName
}

export interface FleetOptions {
  /** Absolute. */
  readonly stateDir: string
  /** The launcher that runs our commands. */
  readonly launcher: string
  readonly say: (line: string) => void
}

export interface ProcessState {
  readonly name: string
  readonly pid: number | undefined
  /** `ready`, or why not. */
  readonly state: string
}

const READY_MS = 60_000
const POLL_MS = 100
const STOP_MS = 20_000
const ASK_MS = 4_000
const FACTS = 'fleet.json'

/** The facts of a fleet that was up before. */
export function factsOf(stateDir: string): FleetFacts | undefined {
  const file = join(stateDir, FACTS)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as FleetFacts) : undefined
}

interface Fleet {
  readonly dir: StateDir
  readonly plan: FleetPlan
  readonly postgres: PostgresPlan
  readonly rabbit: RabbitPlan
  readonly configDir: string
  programOf(own: OwnProcess): Program
}

function open({ stateDir, launcher }: FleetOptions, facts: FleetFacts): Fleet {
  const dir = openStateDir(stateDir, randomIds)
  // The stand-ins' directory is the fleet's: clouds.yaml and state.json are there.
  const configDir = join(stateDir, 'etc')
  const postgres = planPostgres(stateDir, dir.state.metadataSecret)
  const plan = planFleet({ ...facts, dir, configDir, databaseUrl: postgres.url, transportUrl })
  return {
    dir,
    plan,
    postgres,
    configDir,
    rabbit: planRabbitMq(stateDir, plan.ports),
    programOf: ({ name, args }) => ({
      name,
      program: process.execPath,
      args: [launcher, ...args],
      environment: process.env,
      cwd: stateDir,
      logFile: join(stateDir, 'log', `${name}.log`),
      pidFile: join(stateDir, 'run', `${name}.pid`),
    }),
  }
}

/** The programs of a fleet, to be started and stopped one by one. */
export interface FleetParts {
  readonly processes: readonly (OwnProcess & { readonly program: Program })[]
  readonly postgres: PostgresPlan
  readonly rabbit: RabbitPlan
}

export function partsOf(options: FleetOptions, facts: FleetFacts): FleetParts {
  const { plan, postgres, rabbit, programOf } = open(options, facts)
  return {
    processes: plan.processes.map((each) => ({ ...each, program: programOf(each) })),
    postgres,
    rabbit,
  }
}

/** Starts what does not run, and waits until everything is ready. Throws with what is not. */
export async function fleetUp(
  options: FleetOptions,
  facts: FleetFacts,
  tinyImage: () => Promise<TinyImage | undefined>,
): Promise<{ readonly computeUrl: string }> {
  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 })
  writeFileSync(join(options.stateDir, FACTS), `${JSON.stringify(facts, undefined, 2)}\n`)
  const fleet = open(options, facts)
  const { plan, postgres, rabbit } = fleet
  writeConfiguration(fleet)
  postgres.prepare()
  rabbit.prepare()
  for (const program of rabbit.programs) startProgram(program)
  await Promise.all([postgres.start(['nova', 'placement']), rabbit.ready()])
  options.say('PostgreSQL and RabbitMQ are up.')
  await syncTables(fleet)
  const http = createHttpClient()
  try {
    for (const rank of [...new Set(plan.processes.map((each) => each.rank))].sort((a, b) => a - b)) {
      const processes = plan.processes.filter((each) => each.rank === rank)
      for (const each of processes) startProgram(fleet.programOf(each))
      await allReady(processes, fleet, http)
    }
    options.say(`${plan.processes.length} processes of Kilonova are ready.`)
    await firstContent(fleet, facts, http, tinyImage)
  } finally {
    await http.close()
  }
  return { computeUrl: plan.computeUrl }
}

function writeConfiguration({ configDir, plan }: Fleet): void {
  mkdirSync(configDir, { recursive: true, mode: 0o700 })
  for (const [name, text] of Object.entries(plan.files)) {
    const path = join(configDir, name)
    writeFileSync(path, text, { mode: 0o600 })
    chmodSync(path, 0o600)
  }
}

async function syncTables({ configDir }: Fleet): Promise<void> {
  const files = [join(configDir, 'database.conf')]
  const { config } = await loadServiceSettings({ files, directories: [] }, {})
  const db = openNovaDatabase(config)
  try {
    await syncNova(db)
  } finally {
    await db.close()
  }
}

async function allReady(processes: readonly OwnProcess[], fleet: Fleet, http: HttpClient): Promise<void> {
  const until = performance.now() + READY_MS
  for (;;) {
    const states = await Promise.all(processes.map((each) => stateOf(each, fleet, http)))
    const waiting = states.filter(({ state }) => state !== 'ready')
    if (waiting.length === 0) return
    if (performance.now() > until || waiting.some(({ pid }) => pid === undefined)) {
      const lines = waiting.map(({ name, state }) => `  ${name}: ${state}`)
      throw new Error(`not ready, see ${join(fleet.dir.path, 'log')}:\n${lines.join('\n')}`)
    }
    await delay(POLL_MS)
  }
}

async function stateOf(own: OwnProcess, fleet: Fleet, http: HttpClient): Promise<ProcessState> {
  const { name } = own
  const pid = runningPid(fleet.programOf(own).pidFile)
  if (pid === undefined) return { name, pid, state: 'not running' }
  try {
    const answer = await http.send({ method: 'GET', url: own.readyUrl, timeoutMs: ASK_MS })
    if (answer.status === 200) return { name, pid, state: 'ready' }
    return { name, pid, state: `not ready: ${answer.text}` }
  } catch {
    return { name, pid, state: 'does not answer' }
  }
}

/** Flavors and the image, each once in the fleet's life. */
async function firstContent(
  { dir, plan }: Fleet,
  { driver, shape }: FleetFacts,
  http: HttpClient,
  tinyImage: () => Promise<TinyImage | undefined>,
): Promise<void> {
  // The stand-ins write to the same file: read anew what they left there.
  const { state, save } = openStateDir(dir.path, randomIds)
  if (state.tinyImage !== undefined) return
  const authUrl = `${plan.standInsUrl}${STAND_IN_PATHS.identity}/v3`
  const login = { http, clock: systemClock, authUrl, passwords: state.passwords }
  const operator = { http, session: sessionOf(login, 'admin', 'admin') }
  await makeFlavors(operator, plan.computeUrl)
  const image = driver === 'qemu' && shape.qemu ? await tinyImage() : undefined
  await uploadTiny(operator, `${plan.standInsUrl}${STAND_IN_PATHS.image}`, image)
  state.tinyImage = image?.hash ?? 'simulated'
  save()
}

/** Every process, the servers under them first. */
export async function fleetStatus(
  options: FleetOptions,
  facts: FleetFacts,
): Promise<readonly ProcessState[]> {
  const fleet = open(options, facts)
  const http = createHttpClient()
  try {
    const servers = [fleet.postgres.program, ...fleet.rabbit.programs].map(({ name, pidFile }) => {
      const pid = runningPid(pidFile)
      return { name, pid, state: pid === undefined ? 'not running' : 'running' }
    })
    const own = await Promise.all(fleet.plan.processes.map((each) => stateOf(each, fleet, http)))
    return [...servers, ...own]
  } finally {
    await http.close()
  }
}

/** Stops everything, what was started last first; says what had to be ended. `erase` removes all that was kept. */
export async function fleetDown(options: FleetOptions, facts: FleetFacts, erase: boolean): Promise<void> {
  const fleet = open(options, facts)
  const { postgres, rabbit, plan } = fleet
  const stopAll = async (programs: readonly Program[]): Promise<void> => {
    await Promise.all(
      programs.map(async (program) => {
        if (!(await stopProgram(program, STOP_MS)))
          options.say(`${program.name} did not stop within ${STOP_MS / 1_000} s and was ended.`)
      }),
    )
  }
  const named = (test: (name: string) => boolean) =>
    plan.processes.filter(({ name }) => test(name)).map(fleet.programOf)
  const isCompute = (name: string) => name.startsWith('nova-compute')
  // Guests stop while what keeps their records still stands, and networks go when no guest is left.
  await stopAll(named(isCompute))
  await stopAll(named((name) => !isCompute(name) && name !== 'stand-ins'))
  await stopAll(named((name) => name === 'stand-ins'))
  const [epmd, broker] = rabbit.programs
  await stopAll([postgres.program, ...(broker ? [broker] : [])])
  await stopAll(epmd ? [epmd] : [])
  if (!erase) return
  postgres.erase()
  eraseStateDir(options.stateDir)
}
