/** A repair task takes no argument: it looks, and brings what is closer to what should be. */
import type { Log } from '#lib/log.ts'
import type { World } from '../world.ts'

/** How many of what it found and put right: metrics, by name. */
export type Counts = Readonly<Record<string, number>>

export interface RepairTask {
  readonly name: string
  /** With `dryRun` it says in the log what it would do, counts it, and does nothing. */
  run(world: World, log: Log, options: { readonly dryRun: boolean }): Promise<Counts>
}

/** How long something must have been wrong before repair believes it: what is just under way looks odd, too. */
export const GRACE_MS = 30_000
