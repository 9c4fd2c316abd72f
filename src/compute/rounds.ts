/** What a compute does again and again: the heartbeat, what the host has, lost commands, guests compared. */
import { repeat } from '#lib/repeat.ts'
import type { CommandRunner } from './command-runner.ts'
import type { InventoryReporter } from './inventory/reporter.ts'
import type { PowerNews } from './power-news.ts'
import { isTaken, type Presence } from './presence.ts'
import type { GuestRepair } from './repair/guests.ts'
import type { ImageCacheRepair } from './repair/image-cache.ts'
import type { World } from './world.ts'

export interface RoundsParts {
  readonly world: World
  readonly commands: CommandRunner
  readonly inventory: InventoryReporter
  readonly guests: GuestRepair
  readonly imageCache: ImageCacheRepair | undefined
  readonly news: PowerNews
  readonly presence: Presence
  /** The conductor knows the host: it may be told what to do. */
  readonly onRegistered: () => Promise<void>
}

export interface Rounds {
  /** Registers with the conductor and Placement, then begins. What fails is tried again soon. */
  start(): Promise<void>
  /** Asks for commands now. One question at a time: what it is told is always newer than what it did before. */
  fetchCommands(): void
  close(): Promise<void>
  /** Says goodbye: another process may serve the host at once. */
  leave(): Promise<void>
}

/** Heartbeats missed in a row after which the host may have been taken for dead. */
const SILENCES = 3

export function createRounds(parts: RoundsParts): Rounds {
  const { world, commands, inventory, guests, imageCache, news, presence, onRegistered } = parts
  const { clock, conductor, config, host, ids, log } = world
  const repeated: ReturnType<typeof repeat>[] = []
  let isCompared = false
  let fetching: ReturnType<typeof repeat> | undefined
  let comparing: ReturnType<typeof repeat> | undefined

  let isRegistered = false
  let heardAt = clock.now()
  const heartbeat = async () => {
    await presence.report()
    if (!isRegistered) await onRegistered()
    isRegistered = true
    // Who was silent for long may have been taken for dead, and its guests made anew elsewhere: two of one are worse than none.
    if (clock.now() - heardAt > SILENCES * config.reportIntervalMs) comparing?.nudge()
    heardAt = clock.now()
  }
  const fetchCommands = async () => {
    if (!isRegistered) return
    const pending = await conductor.pendingCommands.call({ host, except: commands.known() }, ids.requestId())
    for (const command of pending) commands.accept(command)
  }
  const compareGuests = async () => {
    await guests.run({ afterStart: !isCompared })
    isCompared = true
  }
  const catchUp = async () => {
    if (commands.takeChanged()) await inventory.report()
    if (news.takeMissed()) await compareGuests()
  }
  const register = async (): Promise<boolean> => {
    try {
      await heartbeat()
      await inventory.report()
      return true
    } catch (error) {
      if (isTaken(error)) throw error
      log.warn({ err: error }, 'not registered yet')
      return false
    }
  }
  return {
    async start() {
      const waitsFirst = await register()
      const tasks = [
        { name: 'heartbeat', everyMs: config.reportIntervalMs, waitsFirst, run: heartbeat },
        { name: 'inventory', everyMs: config.updateResourcesIntervalMs, waitsFirst, run: inventory.report },
        { name: 'catching up', everyMs: config.catchUpMs, waitsFirst: true, run: catchUp },
      ]
      if (imageCache) {
        const run = () => imageCache.run({ dryRun: !config.removeUnusedImages })
        tasks.push({ name: 'image cache', everyMs: config.imageCacheIntervalMs, waitsFirst: true, run })
      }
      fetching = repeat({ name: 'commands', everyMs: config.commandPollMs, run: fetchCommands }, world)
      comparing = repeat(
        { name: 'guests', everyMs: config.syncPowerStateIntervalMs, run: compareGuests },
        world,
      )
      repeated.push(fetching, comparing, ...tasks.map((task) => repeat(task, world)))
    },
    fetchCommands: () => fetching?.nudge(),
    leave: () => presence.leave(),
    close: async () => void (await Promise.all(repeated.splice(0).map((each) => each.close()))),
  }
}
