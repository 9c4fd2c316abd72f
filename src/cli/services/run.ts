/** One service as a process: started out of its declaration, reloaded, and stopped. */
import { withUndo } from '#lib/undo.ts'
import { type FrontDoor, listen } from '../up/front-door.ts'
import type { ServiceDeclaration } from './declarations.ts'
import { healthMounts } from './health.ts'
import { metricsMount } from './metrics.ts'
import { differences, type ServiceSettings } from './settings.ts'
import { familiesOfWorkers } from './worker-metrics.ts'
import { createWorld, RELOADABLE } from './world.ts'

export interface RunOptions {
  /** A port of its own for `/live`, `/ready` and `/healthcheck`, which a service that listens serves on its port too. */
  readonly healthPort: number | undefined
  /** Others may listen on the same port. */
  readonly reusePort: boolean
  readonly stopGuests: boolean
  /** Of several: what it listens on tells the others' parent that it started. */
  readonly isWorker: boolean
  /** Gives up a start that waits. */
  readonly signal?: AbortSignal
}

export interface RunningService {
  /** Where it listens. */
  readonly url: string | undefined
  /** Resolves, with the reason, when the service may not go on: it is to be stopped then. */
  readonly failed: Promise<Error>
  /** Takes in what may change; yields the changed options that need a restart. */
  reload(settings: ServiceSettings): Promise<readonly string[]>
  /** Answers what has come, hands over what it holds, and lets go of everything. */
  stop(): Promise<void>
}

const HEALTH_HOST = '127.0.0.1'

/** On failure nothing of it is left running. Throws `UsageError` for what an operator must mend. */
export function startService(
  name: string,
  declaration: ServiceDeclaration,
  settings: ServiceSettings,
  options: RunOptions,
): Promise<RunningService> {
  return withUndo(async (undo) => {
    const closing: (() => Promise<void>)[] = []
    const later = (close: () => Promise<void>): void => {
      undo(close)
      closing.unshift(close)
    }
    const failed = Promise.withResolvers<Error>()
    const world = createWorld(name, settings, { ...options, later, fail: failed.resolve })
    const log = world.logOf(name)
    let isStarted = false
    const starting = { start: () => Promise.reject(new Error('it has not started yet')) }
    const health = (details: boolean) => [
      ...healthMounts(() => (isStarted ? world.checks : { ...world.checks, ...starting }), { details }),
      metricsMount(world.metrics, familiesOfWorkers(world.metrics)),
    ]
    // It listens before it works, so that a taken port is said before anything began.
    const open = async (place: { host: string; port: number }, reusePort: boolean): Promise<FrontDoor> => {
      const door = await listen(place.host, place.port, { reusePort })
      later(() => door.drain())
      return door
    }
    const { healthPort: port } = options
    const openHealth = async (): Promise<void> => {
      if (port !== undefined) (await open({ host: HEALTH_HOST, port }, false)).open(health(true))
    }
    if (!options.isWorker) await openHealth()
    const made = await declaration.make(world)
    const place = declaration.listens?.(settings.config)
    const door = place && (await open(place, options.reusePort))
    if (options.isWorker) await openHealth()
    later(() => made.close())
    await made.start()
    isStarted = true
    door?.open([...(declaration.servesGuests ? [] : health(false)), ...(made.mounts ?? [])])
    log.info({ ...(door && { url: door.url }), pid: process.pid }, `${name} started`)
    return {
      url: door?.url,
      failed: failed.promise,
      async reload(next) {
        for (const each of world.reloads) await each(next)
        const changed = differences(settings.config, next.config).filter((option) => !RELOADABLE.has(option))
        log.info({ needs_restart: changed }, 'configuration read again')
        return changed
      },
      async stop() {
        for (const each of closing) await each()
        log.info({}, `${name} stopped`)
      },
    }
  })
}
