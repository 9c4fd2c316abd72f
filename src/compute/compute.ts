/**
 * nova-compute: does on one host what the conductor tells it, reports what the host has, and keeps both
 * sides' view of its guests the same. Whatever fails to be told is told again.
 */
import { computeContract, computeTopic } from '#contracts/compute.ts'
import { CONDUCTOR_TOPIC, conductorContract } from '#contracts/conductor.ts'
import { clientOf, serveContract, type Transport } from '#contracts/contract.ts'
import { canStopAll, type GuestEvent } from '#virt/port.ts'
import { createCommandRunner } from './command-runner.ts'
import { type ComputeConfig, defaultComputeConfig } from './config.ts'
import { computeHandlers } from './handlers.ts'
import { createInventoryReporter } from './inventory/index.ts'
import { createGuestRepair } from './repair/guests.ts'
import { repeat, type Repeated } from './repeat.ts'
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

/** Nova's service version of the release whose API we speak; computes below the minimum are refused by other services. */
const SERVICE_VERSION = 70

/** How long after a missed change the guests are compared. */
const CATCH_UP_MS = 5_000

export function createCompute(deps: ComputeDeps): Compute {
  const { bus, ...rest } = deps
  const conductor = clientOf(conductorContract, CONDUCTOR_TOPIC, bus)
  const log = deps.log.child({ host: deps.host })
  const world: World = { ...rest, log, conductor, config: { ...defaultComputeConfig, ...deps.config } }
  const { driver, ids, host, config } = world
  const topic = computeTopic(host)
  const commands = createCommandRunner(world)
  const inventory = createInventoryReporter(world)
  const guests = createGuestRepair(world, commands.isBusy)
  const rounds: Repeated[] = []
  let server: { close(): Promise<void> } | undefined
  let isQuiet = false
  let isCompared = false
  /** Guests that changed while a command was at work on them. */
  const missed = new Set<string>()

  const heartbeat = async () => {
    const service = { binary: 'nova-compute', host, topic, version: SERVICE_VERSION }
    await conductor.reportService.call(service, ids.requestId())
  }
  const fetchCommands = async () => {
    for (const command of await conductor.pendingCommands.call({ host }, ids.requestId()))
      commands.accept(command)
  }
  const compareGuests = async () => {
    await guests.run({ afterStart: !isCompared })
    isCompared = true
  }
  const tellPower = ({ uuid, powerState }: GuestEvent) => {
    // While all guests are stopped their power states are no news.
    if (isQuiet) return
    // The conductor hears no power state while a command is at work: the two are compared when it is done.
    if (commands.isBusy(uuid)) {
      missed.add(uuid)
      return
    }
    log.info({ instance: uuid, power_state: powerState }, 'a guest changed its power state')
    const told = conductor.powerStateChanged.call({ host, instanceUuid: uuid, powerState }, ids.requestId())
    told.catch((error: unknown) =>
      log.warn({ err: error, instance: uuid }, 'the conductor was not told: the next comparison will'),
    )
  }
  /** Compares once more when something was missed. */
  const catchUp = async () => {
    if (missed.size === 0) return
    missed.clear()
    await compareGuests()
  }
  const endRounds = () => Promise.all(rounds.splice(0).map((round) => round.close()))

  return {
    async start() {
      driver.onEvent(tellPower)
      await driver.start()
      server = await serveContract(computeContract, topic, bus, computeHandlers(driver, commands))
      const register = async () => {
        await heartbeat()
        await inventory.report()
      }
      const waitsFirst = await register().then(
        () => true,
        (error: unknown) => {
          log.warn({ err: error }, 'not registered yet')
          return false
        },
      )
      rounds.push(
        repeat({ name: 'heartbeat', everyMs: config.reportIntervalMs, waitsFirst, run: heartbeat }, world),
        repeat(
          { name: 'inventory', everyMs: config.updateResourcesIntervalMs, waitsFirst, run: inventory.report },
          world,
        ),
        repeat({ name: 'commands', everyMs: config.commandPollMs, run: fetchCommands }, world),
        repeat({ name: 'missed power states', everyMs: CATCH_UP_MS, waitsFirst: true, run: catchUp }, world),
        repeat({ name: 'guests', everyMs: config.syncPowerStateIntervalMs, run: compareGuests }, world),
      )
      log.info({ driver: driver.name }, 'compute started')
    },
    async stopGuests() {
      isQuiet = true
      commands.drain()
      await endRounds()
      if (!canStopAll(driver)) return []
      const stopped = await driver.stopAll(config.shutdownTimeoutMs)
      log.info({ guests: stopped.length }, 'guests stopped')
      return stopped
    },
    async close() {
      isQuiet = true
      await endRounds()
      await server?.close()
      await commands.close()
      await driver.close()
    },
  }
}
