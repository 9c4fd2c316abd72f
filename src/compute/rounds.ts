/** What a compute does again and again: the heartbeat, what the host has, lost commands, guests compared. */
import { createPaced } from '#lib/pace.ts'
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
  /**
   * Begins. Resolves when the conductor and Placement know the host, or one of them could not be told: what fails is
   * tried again soon. Rejects when another process serves the host (`isTaken`).
   */
  start(): Promise<void>
  /** The conductor knows the host, and Placement was told of it once, whatever came of that. */
  isKnown(): boolean
  /**
   * Asks for commands now, in a storm of hints soon. One question at a time: what it is told is always newer than what
   * it did before.
   */
  fetchCommands(hint: string): void
  close(): Promise<void>
  /** Says goodbye: another process may serve the host at once. */
  leave(): Promise<void>
}

/** Heartbeats missed in a row after which the host may have been taken for dead. */
const SILENCES = 3
/** Between two tries to be heard: whoever could not hear serves again soon. */
const MAX_SILENCE_MS = 1_000
/** In a storm, the least time between two questions for commands after hints. */
const GATHER_MS = 100
const STORM = { works: 4, withinMs: 400, subjects: 3 }

export function createRounds(parts: RoundsParts): Rounds {
  const { world, commands, inventory, guests, imageCache, news, presence, onRegistered } = parts
  const { clock, conductor, config, host, ids } = world
  const repeated: ReturnType<typeof repeat>[] = []
  let isCompared = false
  let fetching: ReturnType<typeof repeat> | undefined
  let comparing: ReturnType<typeof repeat> | undefined
  let reporting: ReturnType<typeof repeat> | undefined

  let isRegistered = false
  let isFirstReportOver = false
  let heardAt = clock.now()
  const first = Promise.withResolvers<void>()
  const firstReportIsOver = () => {
    isFirstReportOver = true
    first.resolve()
  }
  /** What nobody may do in the host's name before the conductor has heard of it. */
  const begin = async () => {
    await onRegistered()
    isRegistered = true
    for (const task of [reporting, fetching, comparing]) task?.nudge()
  }
  const heartbeat = async () => {
    try {
      await presence.report()
      if (!isRegistered) await begin()
    } catch (error) {
      if (isTaken(error)) first.reject(error)
      else first.resolve()
      throw error
    }
    // Who was silent for long may have been taken for dead, and its guests made anew elsewhere: two of one are worse than none.
    if (clock.now() - heardAt > SILENCES * config.reportIntervalMs) comparing?.nudge()
    heardAt = clock.now()
  }
  const reportInventory = async () => {
    if (isRegistered) await inventory.report().finally(firstReportIsOver)
  }
  const fetchCommands = async () => {
    if (!isRegistered) return
    const pending = await conductor.pendingCommands.call({ host, except: commands.known() }, ids.requestId())
    for (const command of pending) commands.accept(command)
  }
  const compareGuests = async () => {
    if (!isRegistered) return
    await guests.run({ afterStart: !isCompared })
    isCompared = true
  }
  const catchUp = async () => {
    if (commands.takeChanged()) await inventory.report()
    if (news.takeMissed()) await compareGuests()
  }
  const later = (name: string, everyMs: number, run: () => Promise<void>) => {
    const task = repeat({ name, everyMs, waitsFirst: true, run }, world)
    repeated.push(task)
    return task
  }
  return {
    async start() {
      fetching = later('commands', config.commandPollMs, fetchCommands)
      comparing = later('guests', config.syncPowerStateIntervalMs, compareGuests)
      reporting = later('inventory', config.updateResourcesIntervalMs, reportInventory)
      later('catching up', config.catchUpMs, catchUp)
      if (imageCache)
        later('image cache', config.imageCacheIntervalMs, () =>
          imageCache.run({ dryRun: !config.removeUnusedImages }),
        )
      const beat = { everyMs: config.reportIntervalMs, maxRetryMs: MAX_SILENCE_MS, run: heartbeat }
      repeated.push(repeat({ name: 'heartbeat', ...beat }, world))
      await first.promise
    },
    isKnown: () => isRegistered && isFirstReportOver,
    fetchCommands: createPaced({ clock, gatherMs: GATHER_MS, storm: STORM }, () => fetching?.nudge()),
    leave: () => presence.leave(),
    async close() {
      first.resolve()
      await Promise.all(repeated.splice(0).map((each) => each.close()))
    },
  }
}
