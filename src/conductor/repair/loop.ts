/** Runs the repair tasks, one after another, on a timer or a nudge, and keeps count of what they did. */
import type { Log } from '#lib/log.ts'
import type { World } from '../world.ts'
import type { Counts, RepairTask } from './task.ts'

export interface Repair {
  start(): void
  /** Runs every task now; what each did, by task name. A task that fails is logged, and missing. */
  run(options?: { readonly dryRun?: boolean }): Promise<Readonly<Record<string, Counts>>>
  close(): Promise<void>
}

/** Hears what each run of a task found. */
export type RepairObserver = (
  task: string,
  counts: Counts | 'failed',
  how: { readonly dryRun: boolean },
) => void

export function createRepairLoop(deps: {
  readonly world: World
  readonly log: Log
  readonly tasks: readonly RepairTask[]
  readonly observe?: RepairObserver | undefined
}): Repair {
  const { world, log, tasks, observe } = deps
  const stop = new AbortController()
  let last: Promise<unknown> = Promise.resolve()

  async function runAll(dryRun: boolean): Promise<Record<string, Counts>> {
    const did: Record<string, Counts> = {}
    for (const task of tasks) {
      if (stop.signal.aborted) break
      try {
        const counts = await task.run(world, log.child({ repair: task.name }), { dryRun })
        did[task.name] = counts
        observe?.(task.name, counts, { dryRun })
        if (Object.values(counts).some((count) => count > 0))
          log.info({ repair: task.name, ...counts, dryRun }, 'repaired')
      } catch (error) {
        observe?.(task.name, 'failed', { dryRun })
        log.error({ err: error, repair: task.name }, 'a repair task failed')
      }
    }
    return did
  }

  /** One run at a time: a second one waits. */
  function run({ dryRun = false }: { readonly dryRun?: boolean } = {}): Promise<Record<string, Counts>> {
    const next = last.then(() => runAll(dryRun))
    last = next
    return next
  }

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      await world.clock.sleep(world.config.repairMs, stop.signal).catch(() => undefined)
      if (!stop.signal.aborted) await run()
    }
  }

  let running: Promise<void> = Promise.resolve()
  return {
    start() {
      running = loop()
    },
    run,
    async close() {
      stop.abort()
      await running
      await last
    },
  }
}
