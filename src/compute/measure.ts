/** What a compute tells of its work: commands done, and what the comparison of its guests found. */
import type { CommandKind } from '#contracts/compute.ts'
import type { Metrics } from '#lib/metrics.ts'

const MS = 1_000

export interface ComputeCounts {
  command(kind: CommandKind, isOk: boolean, ms: number): void
  /** A run of a repair task. What a dry run would have done is not counted as done. */
  repair(task: string, counts: Readonly<Record<string, number>> | 'failed', dryRun: boolean): void
  guest(what: 'destroyed' | 'stopped' | 'left' | 'unknown' | 'quarantined' | 'power state' | 'resumed'): void
}

/** Without metrics nothing is counted. */
export function computeCounts(metrics: Metrics | undefined): ComputeCounts {
  const commands = metrics?.counter('kilonova_commands_total', 'Commands done on this host.', [
    'kind',
    'outcome',
  ])
  const seconds = metrics?.histogram('kilonova_command_seconds', 'How long commands took.', ['kind'])
  const guests = metrics?.counter(
    'kilonova_guest_repairs_total',
    'Guests that were not as the conductor expects, by what was done.',
    ['what'],
  )
  const runs = metrics?.counter('kilonova_repair_runs_total', 'Runs of repair tasks.', ['task', 'result'])
  const found = metrics?.counter('kilonova_repair_total', 'What repair tasks found and put right.', [
    'task',
    'what',
  ])
  return {
    repair(task, counts, dryRun) {
      runs?.add([task, counts === 'failed' ? 'failed' : dryRun ? 'dry' : 'done'])
      if (counts === 'failed' || dryRun) return
      for (const [what, count] of Object.entries(counts)) found?.add([task, what], count)
    },
    command(kind, isOk, ms) {
      commands?.add([kind, isOk ? 'done' : 'failed'])
      seconds?.observe([kind], ms / MS)
    },
    guest: (what) => guests?.add([what]),
  }
}
