/** What a command of `nova-manage` is: its words, its options, and what it does with the database and the neighbours. */
import type { ParseArgsConfig } from 'node:util'
import type { Config } from '#config/index.ts'
import type { Database } from '#db/kit/index.ts'
import type { PlacementUpkeep } from '#neighbours/placement/index.ts'

export interface Ground {
  readonly config: Config
  /** Opened when first asked for. Throws `UsageError` where none is configured. */
  database(): Database
  /** Throws `UsageError` where nova.conf does not say how to reach it. */
  placement(): PlacementUpkeep
  /** Milliseconds since the epoch. */
  now(): number
  sleep(ms: number): Promise<void>
  say(line: string): void
}

export interface Given {
  readonly values: Readonly<Record<string, string | boolean | undefined>>
  /** What follows the command's words. */
  readonly rest: readonly string[]
}

export interface ManageCommand {
  /** As Nova has it, with exit codes where they tell something. */
  readonly help: string
  readonly options?: NonNullable<ParseArgsConfig['options']>
  /** Yields the exit code. */
  run(ground: Ground, given: Given): Promise<number>
}

export const text = (given: Given, name: string): string | undefined => {
  const value = given.values[name]
  return typeof value === 'string' ? value : undefined
}

export const isSet = (given: Given, name: string): boolean => given.values[name] === true

/** A time as `date` prints it, or `YYYY-MM-DD[ HH:mm:ss]`, in milliseconds since the epoch; undefined when it is none. */
export function readTime(written: string): number | undefined {
  const time = Date.parse(written)
  return Number.isNaN(time) ? undefined : time
}
