/**
 * Runs commands: one at a time per guest, each at most once at a time, and tells the conductor what came of it
 * until the conductor has heard. A command seen again after a restart is simply done again: the row is the truth.
 */
import type { Command } from '#contracts/compute.ts'
import type { CommandOutcome } from '#contracts/conductor.ts'
import { unlessAborted } from '#lib/abort.ts'
import { createKeyedLock } from '#lib/keyed-lock.ts'
import { createCompany } from '#lib/pace.ts'
import { traced } from '#lib/trace.ts'
import { GuestRefused, NotSupported, SpawnFailed } from '#virt/port.ts'
import { createLimit } from './limit.ts'
import { computeCounts } from './measure.ts'
import { OPERATIONS } from './operations/index.ts'
import type { Operation } from './operations/operation.ts'
import type { World } from './world.ts'

export interface CommandRunner {
  /** Takes a command in, unless it is under way; returns at once. */
  accept(command: Command): void
  /** The commands that were taken in and not yet answered. */
  known(): string[]
  /** Whether anything is being done to the guest. */
  isBusy(instanceUuid: string): boolean
  /** Whether guests were made or removed since the last question. */
  takeChanged(): boolean
  /** How many builds failed by the host's fault since the last that succeeded. */
  failedBuilds(): number
  /** Takes in nothing more. What runs goes on. */
  drain(): void
  /** Resolves when nothing runs, or after the time given in the configuration. */
  close(): Promise<void>
}

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 30_000
/** In a storm, the least time between two moments at which outcomes are told: those of one moment travel together. */
const GATHER_MS = 100
const STORM = { works: 4, withinMs: 400, subjects: 3 }

/** The error and its causes, for an administrator. */
function details(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.stack ?? `${error.name}: ${error.message}`
  return error.cause === undefined ? own : `${own}\nCaused by: ${details(error.cause)}`
}

/** What went wrong, for the server's owner; the inside of the host stays in the details. */
function failureOf(error: unknown, operation: Operation): CommandOutcome {
  const rest = { ok: false as const, details: details(error) }
  if (error instanceof NotSupported)
    return { ...rest, message: error.message, retryable: false, unsupported: true }
  if (error instanceof GuestRefused) return { ...rest, message: error.message, retryable: false }
  if (error instanceof SpawnFailed) return { ...rest, message: error.message, retryable: operation.retryable }
  return { ...rest, message: operation.failure, retryable: operation.retryable }
}

/** Another host may fare better. */
const isOfHost = (outcome: CommandOutcome): boolean => !outcome.ok && outcome.retryable

export function createCommandRunner(world: World): CommandRunner {
  const { driver, conductor, clock, config, host } = world
  const locks = createKeyedLock()
  const builds = createLimit(config.maxConcurrentBuilds)
  const counts = computeCounts(world.metrics)
  const underWay = new Map<string, Promise<void>>()
  const company = createCompany({ clock, gatherMs: GATHER_MS, storm: STORM })
  const closing = new AbortController()
  let draining = false
  let changed = false
  let failedBuilds = 0

  const perform = async (
    command: Command,
    operation: Operation,
    signal: AbortSignal,
  ): Promise<CommandOutcome> => {
    const log = world.log.child({
      instance: command.instanceUuid,
      command: command.id,
      kind: command.kind,
    })
    const begin = clock.now()
    try {
      if (begin > command.deadline && !operation.doneLate)
        throw new SpawnFailed('The host got to it too late.')
      // A preemptor does not wait for the driver to notice: the driver itself does one thing at a time per guest.
      await unlessAborted(signal, operation.run(command, { world, builds, signal }))
      const guest = await driver.info(command.instanceUuid)
      log.info({ ms: clock.now() - begin }, 'command done')
      return { ok: true, result: guest ? { powerState: guest.powerState } : {} }
    } catch (error) {
      log.error({ err: error, ms: clock.now() - begin }, 'command failed')
      return failureOf(error, operation)
    }
  }
  /** Until the conductor answers; a close ends it, since the command is then asked for again. */
  const report = async (command: Command, outcome: CommandOutcome) => {
    for (
      let retryMs = FIRST_RETRY_MS;
      !closing.signal.aborted;
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)
    ) {
      try {
        await company(command.instanceUuid)
        await conductor.commandDone.call({ commandId: command.id, host, outcome }, command.requestId)
        return
      } catch (error) {
        world.log.warn(
          { err: error, command: command.id, request_id: command.requestId },
          'the conductor did not take a result: again',
        )
        await clock.sleep(retryMs, closing.signal).catch(() => undefined)
      }
    }
  }
  const run = async (command: Command) => {
    const operation = OPERATIONS[command.kind]
    let given: AbortSignal | undefined
    const work = (signal: AbortSignal) => {
      given = signal
      return perform(command, operation, signal)
    }
    const reason = new Error(`A ${command.kind} came in between`)
    const began = clock.now()
    const running = operation.preempts?.(command)
      ? locks.preempt(command.instanceUuid, reason, work)
      : locks.run(command.instanceUuid, work)
    const outcome = await running.catch((error: unknown) => failureOf(error, operation))
    counts.command(command.kind, outcome.ok, clock.now() - began)
    if (command.kind === 'build' && outcome.ok) failedBuilds = 0
    // Neither a delete that came in between nor what no host could have built speaks against this one.
    else if (command.kind === 'build' && isOfHost(outcome) && given?.aborted === false) failedBuilds += 1
    changed ||= operation.changesUsage === true
    await report(command, outcome)
  }

  return {
    accept(command) {
      if (draining || underWay.has(command.id)) return
      const running = traced({ requestId: command.requestId }, () => run(command)).finally(() =>
        underWay.delete(command.id),
      )
      underWay.set(command.id, running)
      running.catch((error: unknown) =>
        world.log.error({ err: error, command: command.id }, 'a command was lost'),
      )
    },
    known: () => [...underWay.keys()],
    isBusy: (instanceUuid) => locks.isBusy(instanceUuid),
    takeChanged() {
      const was = changed
      changed = false
      return was
    },
    failedBuilds: () => failedBuilds,
    drain() {
      draining = true
    },
    async close() {
      draining = true
      const patience = new AbortController()
      const tooLong = clock.sleep(config.closeTimeoutMs, patience.signal).catch(() => undefined)
      await Promise.race([Promise.allSettled(underWay.values()), tooLong])
      patience.abort()
      closing.abort()
    },
  }
}
