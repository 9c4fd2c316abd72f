/** What an operation is: one kind of command, done to a guest by the driver. Done twice is done once. */
import type { Command } from '#contracts/compute.ts'
import type { Limit } from '../limit.ts'
import type { World } from '../world.ts'

export interface OperationContext {
  readonly world: World
  readonly builds: Limit
  /** Aborted when a later command makes this one pointless. */
  readonly signal: AbortSignal
}

export interface Operation {
  /** It ends what else is being done to the guest, instead of waiting for it. */
  preempts?(command: Command): boolean
  /** It is done even after the command's deadline: the guest has to go all the same. */
  readonly doneLate?: boolean
  /** It makes or removes a guest, so the host has less or more left. */
  readonly changesUsage?: boolean
  /** What a person reads when it fails for a reason of no concern to them. */
  readonly failure: string
  /** Whether another host may do better when it fails without saying. */
  readonly retryable: boolean
  run(command: Command, context: OperationContext): Promise<void>
}
