/** What a conductor tells of its work: steps and operations, commands answered, what repair found. */
import type { Metrics } from '#lib/metrics.ts'
import type { SagaNews } from '#lib/saga/index.ts'
import type { RepairObserver } from './repair/loop.ts'

const MS = 1_000

export function countTurns(metrics: Metrics): (news: SagaNews) => void {
  const steps = metrics.counter('kilonova_saga_steps_total', 'Turns of operations, by what came of them.', [
    'saga',
    'step',
    'outcome',
  ])
  const seconds = metrics.histogram(
    'kilonova_saga_step_seconds',
    'How long steps took from their beginning, pauses included.',
    ['saga', 'step'],
  )
  const operations = metrics.counter('kilonova_operations_total', 'Operations that ended.', [
    'saga',
    'ending',
  ])
  return ({ saga, step, outcome, ms }) => {
    if (step === null) return operations.add([saga, outcome])
    steps.add([saga, step, outcome])
    if (outcome === 'done' || outcome === 'undone') seconds.observe([saga, step], ms / MS)
  }
}

export function countCommands(metrics: Metrics): (outcome: 'done' | 'failed' | 'told again') => void {
  const commands = metrics.counter('kilonova_commands_answered_total', 'Outcomes that computes reported.', [
    'outcome',
  ])
  return (outcome) => commands.add([outcome])
}

/** What a dry run would have done is not counted as done. */
export function countRepair(metrics: Metrics): RepairObserver {
  const runs = metrics.counter('kilonova_repair_runs_total', 'Runs of repair tasks.', ['task', 'result'])
  const found = metrics.counter('kilonova_repair_total', 'What repair tasks found and put right.', [
    'task',
    'what',
  ])
  return (task, counts, { dryRun }) => {
    runs.add([task, counts === 'failed' ? 'failed' : dryRun ? 'dry' : 'done'])
    if (counts === 'failed' || dryRun) return
    for (const [what, count] of Object.entries(counts)) found.add([task, what], count)
  }
}
