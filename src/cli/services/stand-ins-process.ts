/** The stand-ins as a process: their database, their port, their first content. */
import type { Config } from '#config/index.ts'
import { openDatabase } from '#db/kit/index.ts'
import { systemClock } from '#lib/clock.ts'
import { createHttpClient } from '#lib/http/index.ts'
import { randomIds } from '#lib/ids.ts'
import { withUndo } from '#lib/undo.ts'
import { writeCredentials } from '../up/credentials.ts'
import { listen } from '../up/front-door.ts'
import { lockDirectory } from '../up/lock.ts'
import { ownNeighbours, sessionOf } from '../up/neighbours.ts'
import { createPlane } from '../up/plane.ts'
import { projectIds } from '../up/provision.ts'
import { openStateDir, SERVICE_PROJECT } from '../up/state-dir.ts'
import type { DriverName } from '../up/up-arguments.ts'
import { databaseAnswers } from './database.ts'
import { healthMounts } from './health.ts'
import { createProcessMetrics, measureDatabase, metricsMount } from './metrics.ts'
import { levelOf, logsOf } from './log.ts'
import { createServerEvents } from './server-events.ts'
import { bootstrapInput, makeStandIns, STAND_IN_PATHS, volumeServices } from './stand-ins.ts'

export interface StandInsOptions {
  readonly config: Config
  readonly stateDir: string
  /** URL of their database. */
  readonly database: string
  readonly host: string
  readonly port: number
  /** For the catalog, which is written once. */
  readonly computeUrl: string
  readonly placementUrl: string
  readonly driver: DriverName
  /** May set up networks on this machine. */
  readonly isRoot: boolean
}

/** On failure nothing of them is left running. Throws `DirectoryBusy`. */
export function startStandIns(
  options: StandInsOptions,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { config, stateDir } = options
  return withUndo(async (undo) => {
    const closing: (() => Promise<void>)[] = []
    const later = (close: () => Promise<void>): void => {
      undo(close)
      closing.unshift(close)
    }
    const lock = await lockDirectory(stateDir)
    later(() => lock.release())
    const dir = openStateDir(stateDir, randomIds)
    const logOf = logsOf(config, 'stand-ins', { current: levelOf(config) })
    const metrics = createProcessMetrics()
    const db = openDatabase(options.database)
    measureDatabase(metrics, db)
    later(() => db.close())
    const http = createHttpClient()
    later(() => http.close())
    const door = await listen(options.host, options.port)
    later(() => door.drain())
    const identityUrl = `${door.url}${STAND_IN_PATHS.identity}`
    const login = { http, clock: systemClock, authUrl: `${identityUrl}/v3`, passwords: dir.state.passwords }
    const plane = await createPlane({ ...options, clock: systemClock, log: logOf('neutron') })
    const neighbours = ownNeighbours({ ...login, config })
    const { keystone, glance, neutron, cinder } = makeStandIns({
      db,
      config,
      stateDir,
      plane,
      metrics,
      logOf,
      clock: systemClock,
      ids: randomIds,
      publicUrl: door.url,
      identity: neighbours.identity,
      images: neighbours.images,
      metadata: metadataOf(config, dir.state.metadataSecret),
      tellServers: createServerEvents({
        http,
        session: sessionOf(login, 'neutron', SERVICE_PROJECT),
        log: logOf('neutron'),
      }),
    })
    for (const part of [keystone, glance, neutron, cinder]) {
      later(() => part.close())
      await part.start()
      await part.app.ready()
    }
    await keystone.bootstrap(bootstrapInput(dir, catalogOf(options, door.url)))
    door.open([
      ...healthMounts(() => ({ database: () => databaseAnswers(db) }), { details: false }),
      metricsMount(metrics),
      { prefix: STAND_IN_PATHS.identity, app: keystone.app },
      { prefix: STAND_IN_PATHS.image, app: glance.app },
      { prefix: STAND_IN_PATHS.network, app: neutron.app },
      { prefix: STAND_IN_PATHS.volume, app: cinder.app },
    ])
    if (!dir.state.isProvisioned) {
      const projects = await projectIds({ http, session: sessionOf(login, 'admin', 'admin') }, identityUrl)
      const [adminProjectId = '', demoProjectId = ''] = ['admin', 'demo'].map((name) => projects.get(name))
      await neutron.provision({ adminProjectId, demoProjectId })
      dir.state.isProvisioned = true
      dir.save()
    }
    writeCredentials(dir, `${identityUrl}/v3`)
    return {
      url: door.url,
      async stop() {
        for (const each of closing) await each()
      },
    }
  })
}

const metadataOf = ({ DEFAULT, neutron }: Config, secret: string) => ({
  upstream: { host: DEFAULT.metadata_listen, port: DEFAULT.metadata_listen_port },
  sharedSecret: neutron.metadata_proxy_shared_secret || secret,
})

const catalogOf = ({ computeUrl, placementUrl }: StandInsOptions, own: string) => [
  { type: 'identity', name: 'keystone', url: `${own}${STAND_IN_PATHS.identity}` },
  { type: 'image', name: 'glance', url: `${own}${STAND_IN_PATHS.image}` },
  { type: 'network', name: 'neutron', url: `${own}${STAND_IN_PATHS.network}` },
  ...volumeServices(`${own}${STAND_IN_PATHS.volume}`),
  { type: 'compute', name: 'nova', url: computeUrl },
  { type: 'placement', name: 'placement', url: placementUrl },
]
