/** Cleanup inside one process: what was done is undone, last first, when something later throws. */

export type Undo = (cleanup: () => Promise<void> | void) => void

/**
 * Runs `work`. A throw runs the cleanups registered so far, last first, and is passed on; a return
 * keeps everything. A cleanup that itself fails does not stop the others: its error joins the first
 * one's as an `AggregateError`.
 */
export async function withUndo<T>(work: (undo: Undo) => Promise<T>): Promise<T> {
  const cleanups: (() => Promise<void> | void)[] = []
  try {
    return await work((cleanup) => cleanups.push(cleanup))
  } catch (error) {
    const failures: unknown[] = []
    for (const cleanup of cleanups.reverse()) {
      try {
        await cleanup()
      } catch (failure) {
        failures.push(failure)
      }
    }
    if (failures.length > 0)
      throw new AggregateError([error, ...failures], messageOf(error), { cause: error })
    throw error
  }
}

/** The message of anything thrown, followed by those of its causes: for whoever must mend it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.message || error.name
  return error.cause === undefined ? own : `${own.replace(/\.$/, '')}: ${reasonOf(error.cause)}`
}

/** The message of anything thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
