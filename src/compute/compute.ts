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
import { createGuestRepair } from './repair/guests.ts'
import { createRounds } from './rounds.ts'
import type { World } from './world.ts'

export interface ComputeDeps extends Omit<World, 'conductor' | 'config'> {
  readonly bus: Transport
  readonly config?: Partial<ComputeConfig>
}

export interface Compute {
  /** Finds the host's guests, serves, registers and begins its rounds. A conductor that does not answer yet is no failure. */
  start(): Promise<void>
  /** Stops serving and lets go of the guests, which run on. */
  close(): Promise<void>
  /** Takes in no more commands and stops every guest; says which ones ran. Before `close`. */
  stopGuests(): Promise<readonly string[]>
}

export function createCompute(deps: ComputeDeps): Compute {
  const { bus, ...rest } = deps
  const conductor = clientOf(conductorContract, CONDUCTOR_TOPIC, bus)
  const log = deps.log.child({ host: deps.host })
  const world: World = { ...rest, log, conductor, config: { ...defaultComputeConfig, ...deps.config } }
  const { driver, host, config } = world
  const topic = computeTopic(host)
  const commands = createCommandRunner(world)
  const inventory = createInventoryReporter(world)
  const guests = createGuestRepair(world, commands.isBusy)
  const news = createPowerNews(world, commands.isBusy)
  const rounds = createRounds({ world, topic, commands, inventory, guests, news })
  let server: { close(): Promise<void> } | undefined

  return {
    async start() {
      driver.onEvent(news.hear)
      await driver.start()
      server = await serveContract(computeContract, topic, bus, computeHandlers(driver, rounds.fetchCommands))
      await rounds.start()
      log.info({ driver: driver.name }, 'compute started')
    },
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
      await driver.close()
    },
  }
}
