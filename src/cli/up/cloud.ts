/** A whole cloud in this process: opened, brought up in order, given its first content, and taken down again. */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { hostname } from 'node:os'
import { type Database, openDatabase } from '#db/kit/index.ts'
import { systemClock } from '#lib/clock.ts'
import { createHttpClient, type HttpClient } from '#lib/http/index.ts'
import { randomIds } from '#lib/ids.ts'
import { createLogs, type Log, silentLog } from '#lib/log.ts'
import type { Metrics } from '#lib/metrics.ts'
import { messageOf, withUndo } from '#lib/undo.ts'
import type { Config } from '#config/index.ts'
import { databaseAnswers } from '../services/database.ts'
import { healthMounts } from '../services/health.ts'
import { createProcessMetrics, metricsMount } from '../services/metrics.ts'
import { createServerEvents } from '../services/server-events.ts'
import { bootstrapInput } from '../services/stand-ins.ts'
import { type Computes, createComputes } from './computes.ts'
import { writeCredentials } from './credentials.ts'
import { type FrontDoor, listen, type Mount } from './front-door.ts'
import { lockDirectory } from './lock.ts'
import { ownNeighbours, sessionOf } from './neighbours.ts'
import { createPlane } from './plane.ts'
import { makeFlavors, projectIds, uploadTiny } from './provision.ts'
import { resetStateDir } from './reset.ts'
import { CATALOG, createServices, type Ground, type Part, PATHS, type Services } from './services.ts'
import { hostAddress, loadSettings } from './settings.ts'
import { openStateDir, SERVICE_PROJECT, type StateDir } from './state-dir.ts'
import { createStopwatch } from './stopwatch.ts'
import type { TinyImage } from './tiny-image.ts'
import type { DriverName } from './up-arguments.ts'

export interface CloudOptions {
  readonly stateDir: string
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  readonly driver: DriverName
  /** How many simulated computes. */
  readonly hosts: number
  readonly configFiles: readonly string[]
  readonly configDirs: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  readonly reset: boolean
  readonly verbose: boolean
  /** May set up networks on this machine. */
  readonly isRoot: boolean
  /** The image `tiny`, asked for at the first start only. Undefined: a stand-in will do. */
  readonly tinyImage: () => Promise<TinyImage | undefined>
  readonly say: (line: string) => void
}

export interface Cloud {
  readonly url: string
  /** By catalog type. */
  readonly endpoints: Readonly<Record<string, string>>
  readonly driver: DriverName
  /** What runs, in a few words. */
  readonly about: string
  /** How long each part of the start took. */
  readonly timing: string
  /** Stops guests (politely, unless `hurry` aborts) and services, and lets go of the directory. */
  stop(hurry?: AbortSignal): Promise<void>
}

/** Starts a cloud; on failure nothing of it is left running. Throws `DirectoryBusy`, `ConfigError`. */
export function startCloud(options: CloudOptions): Promise<Cloud> {
  const stopwatch = createStopwatch()
  return withUndo(async (undo) => {
    mkdirSync(options.stateDir, { recursive: true, mode: 0o700 })
    const lock = await lockDirectory(options.stateDir)
    undo(() => lock.release())
    if (options.reset)
      await stopwatch.time('reset', () => resetStateDir({ ...options, clock: systemClock, log: silentLog }))
    const dir = openStateDir(options.stateDir, randomIds)
    const door = await stopwatch.time('listen', () => listen(options.host, options.port))
    undo(() => door.drain())
    lock.describe(`process ${process.pid} at ${door.url}`)
    const publicUrl = publicUrlOf(options.host, door)
    const config = await stopwatch.time('configuration', () => configurationOf(options, publicUrl))
    // Left open: the last lines are on their way when everything else is closed.
    const logFile = openSync(dir.log, 'a', 0o600)
    const logOf = createLogs({
      destination: logFile,
      level: options.verbose || config.DEFAULT.debug ? 'debug' : 'info',
    })
    // Its journal's files get the mode of the database's own.
    closeSync(openSync(dir.database, 'a', 0o600))
    const db = await stopwatch.time('database', () => openDatabase(`sqlite://${dir.database}`))
    undo(() => db.close())
    const http = createHttpClient()
    undo(() => http.close())
    const metrics = createProcessMetrics()
    const ground = groundOf(options, { dir, config, db, http, publicUrl, metrics, logOf })
    const services = await stopwatch.time('wiring', () => createServices(ground))
    const computes = await createComputes({ ...options, ...ground, bus: services.bus })
    const parts: readonly Part[] = [...services.parts, computes]
    const start = (part: Part): Promise<void> => {
      // A part that fails half-way is closed too.
      undo(() => part.close())
      return stopwatch.time(part.name, () => part.start())
    }
    for (const part of services.parts) await start(part)
    await stopwatch.time('users', () => services.keystone.bootstrap(bootstrapInput(dir, CATALOG)))
    writeCredentials(dir, `${publicUrl}${PATHS.identity}/v3`)
    await Promise.all(services.mounts.map(({ app }) => app.ready()))
    door.open([...watchers(ground), ...services.mounts])
    stopwatch.mark('answering')
    await start(computes)
    await stopwatch.time('first content', () => provision(options, dir, services, ground, http))
    return {
      url: publicUrl,
      driver: options.driver,
      about: computes.about,
      endpoints: Object.fromEntries(CATALOG.map(({ type, url }) => [type, rootOf(url, publicUrl)])),
      timing: stopwatch.report(),
      stop: (hurry) => stop({ door, computes, parts, db, http, lock, log: logOf('kilonova') }, hurry),
    }
  })
}

/** Where a service of the catalog is, for whatever project. */
const rootOf = (url: string, publicUrl: string): string =>
  url.replace('%(public_url)s', publicUrl).replace('/%(project_id)s', '')

const WILDCARDS = new Set(['0.0.0.0', '::'])

/** Where clients reach the cloud: the address it listens on, or this machine's when it listens on all. */
const publicUrlOf = (host: string, door: FrontDoor): string =>
  WILDCARDS.has(host) ? `http://${hostAddress()}:${door.port}` : door.url

async function configurationOf(options: CloudOptions, publicUrl: string): Promise<Config> {
  const defaults = {
    'vnc.novncproxy_base_url': `${publicUrl}${PATHS.console}/vnc_auto.html`,
    // There is no other.
    ...(options.hosts === 1 && { 'DEFAULT.allow_resize_to_same_host': 'true' }),
  }
  const { configFiles: files, configDirs: directories, environment } = options
  const { config, warnings } = await loadSettings(
    { files, directories, environment, defaults },
    hostname(),
    options.stateDir,
  )
  for (const warning of warnings) options.say(`warning: ${warning}`)
  return config
}

interface Made {
  readonly dir: StateDir
  readonly config: Config
  readonly db: Database
  readonly http: HttpClient
  readonly publicUrl: string
  readonly metrics: Metrics
  readonly logOf: (service: string) => Log
}

function groundOf(options: CloudOptions, made: Made): Ground {
  const { dir, config, db, http, publicUrl, metrics, logOf } = made
  const clock = systemClock
  const login = loginDeps(dir, http, publicUrl)
  const plane = createPlane({ ...options, clock, log: logOf('neutron') })
  // Whoever awaits it hears of its failure; until then it is nobody's.
  plane.catch(() => undefined)
  return {
    db,
    clock,
    ids: randomIds,
    config,
    publicUrl,
    stateDir: options.stateDir,
    metadataSecret: dir.state.metadataSecret,
    metrics,
    logOf,
    neighbours: ownNeighbours({ config, ...login }),
    tellServers: createServerEvents({
      http,
      session: sessionOf(login, 'neutron', SERVICE_PROJECT),
      log: logOf('neutron'),
    }),
    plane,
  }
}

/** What watchers of the process ask. */
const watchers = ({ db, metrics }: Ground): readonly Mount[] => [
  ...healthMounts(() => ({ database: () => databaseAnswers(db) }), { details: false }),
  metricsMount(metrics),
]

const loginDeps = (dir: StateDir, http: HttpClient, publicUrl: string) => ({
  http,
  clock: systemClock,
  authUrl: `${publicUrl}${PATHS.identity}/v3`,
  passwords: dir.state.passwords,
})

/** Networks, flavors and the image, each once in the cloud's life. */
async function provision(
  options: CloudOptions,
  dir: StateDir,
  services: Services,
  ground: Ground,
  http: HttpClient,
): Promise<void> {
  const login = loginDeps(dir, http, ground.publicUrl)
  const operator = { http, session: sessionOf(login, 'admin', 'admin') }
  if (!dir.state.isProvisioned) {
    const projects = await projectIds(operator, `${ground.publicUrl}${PATHS.identity}`)
    await services.neutron.provision({
      adminProjectId: projects.get('admin') ?? '',
      demoProjectId: projects.get('demo') ?? '',
    })
    await makeFlavors(operator, `${ground.publicUrl}/v2.1`)
    dir.state.isProvisioned = true
    dir.save()
  }
  // A stand-in made for simulated guests gives way when real ones come.
  const isStandIn = dir.state.tinyImage === 'simulated'
  if (dir.state.tinyImage !== undefined && !(isStandIn && options.driver === 'qemu')) return
  const image = await options.tinyImage()
  if (!image && isStandIn) return
  if (!image) options.say('The image tiny is a stand-in without an operating system.')
  await uploadTiny(operator, `${ground.publicUrl}${PATHS.image}`, image)
  dir.state.tinyImage = image?.hash ?? 'simulated'
  dir.save()
}

interface Running {
  readonly door: FrontDoor
  readonly computes: Computes
  readonly parts: readonly Part[]
  readonly db: Database
  readonly http: HttpClient
  readonly lock: { release(): Promise<void> }
  readonly log: Log
}

/** Guests first, while everything they need still stands; then the services, last started first. */
async function stop(running: Running, hurry: AbortSignal | undefined): Promise<void> {
  const { door, computes, parts, db, http, lock, log } = running
  const failures: unknown[] = []
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    const began = performance.now()
    try {
      await work()
      log.debug({ ms: Math.round(performance.now() - began) }, `${what} stopped`)
    } catch (error) {
      failures.push(error)
      log.error({ err: error }, `${what} did not stop cleanly`)
    }
  }
  await attempt('guests', () => computes.stopGuests(hurry))
  const drained = attempt('front door', () => door.drain())
  for (const part of parts.toReversed()) await attempt(part.name, () => part.close())
  await drained
  await attempt('http client', () => http.close())
  await attempt('database', () => db.close())
  await attempt('lock', () => lock.release())
  if (failures.length > 0) throw new AggregateError(failures, failures.map(messageOf).join('; '))
}
