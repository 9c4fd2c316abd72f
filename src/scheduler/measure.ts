/** What a scheduler tells of its choices: how many it made, how long they took, and which filters refused hosts. */
import type { Clock } from '#lib/clock.ts'
import type { Metrics } from '#lib/metrics.ts'

interface Selection {
  readonly refusals: readonly { readonly by: string }[]
  /** Empty when hosts were found. */
  readonly explanation: string
}

const MS = 1_000

export function countSelections(
  metrics: Metrics,
  clock: Clock,
): (selection: Selection, began: number) => void {
  const selections = metrics.counter('kilonova_scheduler_selections_total', 'Questions answered.', ['result'])
  const refusals = metrics.counter(
    'kilonova_scheduler_refusals_total',
    'Hosts refused, by what refused them.',
    ['by'],
  )
  const seconds = metrics.histogram('kilonova_scheduler_selection_seconds', 'How long choosing took.')
  return (selection, began) => {
    selections.add([selection.explanation === '' ? 'found' : 'no valid host'])
    for (const { by } of selection.refusals) refusals.add([by])
    seconds.observe([], (clock.now() - began) / MS)
  }
}
