/**
 * nova-compute: does on one host what the conductor tells it, reports what the host has, and keeps both
 * sides' view of its guests the same. Whatever fails to be told is told again.
 */
import { computeContract, computeTopic } from '#contracts/compute.ts'
import { CONDUCTOR_TOPIC, conductorContract } from '#contracts/conductor.ts'
import { clientOf, serveContract, type Transport } from '#contracts/contract.ts'
import { canStopAll } from '#virt/port.ts'
import { createCommandRunner } from './command-runner.ts'
import { type ComputeConfig, defaultComputeConfig } from './config.ts'
import { computeHandlers } from './handlers.ts'
import { createInventoryReporter } from './inventory/reporter.ts'
import { createPowerNews } from './power-news.ts'
import { createPresence } from './presence.ts'
import { createGuestRepair } from './repair/guests.ts'
import { createImageCacheRepair } from './repair/image-cache.ts'
import { createRounds } from './rounds.ts'
import type { World } from './world.ts'

export interface ComputeDeps extends Omit<World, 'conductor' | 'config'> {
  readonly bus: Transport
  /** The host's own, kept with its guests: another host that goes by the same name is refused. */
  readonly identity?: string
  /** Another process took the host over: this one must do nothing more. */
  readonly onTaken?: (error: Error) => void
  readonly config?: Partial<ComputeConfig>
}

export interface Compute {
  /**
   * Finds the host's guests, registers, serves and begins its rounds. A conductor that does not answer yet is no
   * failure; a host that another process serves is (`conflict`, `SERVICE_TAKEN`).
   */
  start(): Promise<void>
  /** It takes commands, and its inventory was reported once: false while it still waits for the conductor. */
  isKnown(): boolean
  /** Stops serving and lets go of the guests, which run on. */
  close(): Promise<void>
  /** Takes in no more commands and stops every guest; says which ones ran. Before `close`. */
  stopGuests(): Promise<readonly string[]>
}

export function createCompute(deps: ComputeDeps): Compute {
  const { bus, identity, onTaken, ...rest } = deps
  const conductor = clientOf(conductorContract, CONDUCTOR_TOPIC, bus)
  const log = deps.log.child({ host: deps.host })
  const world: World = { ...rest, log, conductor, config: { ...defaultComputeConfig, ...deps.config } }
  const { driver, host, config } = world
  const topic = computeTopic(host)
  const commands = createCommandRunner(world)
  const inventory = createInventoryReporter(world, commands.failedBuilds)
  const guests = createGuestRepair(world, commands.isBusy)
  const news = createPowerNews(world, commands.isBusy)
  let server: { close(): Promise<void> } | undefined
  const rounds = createRounds({
    world,
    commands,
    inventory,
    guests,
    imageCache: createImageCacheRepair(world),
    news,
    presence: createPresence({ world, identity, onTaken }),
    // Only who is registered may take what the host is told.
    async onRegistered() {
      server ??= await serveContract(
        computeContract,
        topic,
        bus,
        computeHandlers(world, rounds.fetchCommands),
      )
    },
  })

  return {
    async start() {
      driver.onEvent(news.hear)
      await driver.start()
      await rounds.start()
      log.info({ driver: driver.name }, 'compute started')
    },
    isKnown: () => rounds.isKnown(),
    async stopGuests() {
      news.silence()
      commands.drain()
      await rounds.close()
      if (!canStopAll(driver)) return []
      const stopped = await driver.stopAll(config.shutdownTimeoutMs)
      log.info({ guests: stopped.length }, 'guests stopped')
      return stopped
    },
    async close() {
      news.silence()
      await rounds.close()
      await server?.close()
      await commands.close()
      await rounds.leave()
      await driver.close()
    },
  }
}
