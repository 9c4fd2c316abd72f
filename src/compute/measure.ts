/** What a compute tells of its work: commands done, and what the comparison of its guests found. */
import type { CommandKind } from '#contracts/compute.ts'
import type { Metrics } from '#lib/metrics.ts'

const MS = 1_000

export interface ComputeCounts {
  command(kind: CommandKind, isOk: boolean, ms: number): void
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
  return {
    command(kind, isOk, ms) {
      commands?.add([kind, isOk ? 'done' : 'failed'])
      seconds?.observe([kind], ms / MS)
    },
    guest: (what) => guests?.add([what]),
  }
}
