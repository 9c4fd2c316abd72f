/** Being asked to stop: by Ctrl-C, SIGTERM, a closed terminal, or the launcher's end. Asked again, it hurries. */

export interface Stopping {
  /** Resolves with what asked. */
  readonly asked: Promise<string>
  /** Aborts when asked a second time: no more waiting for guests. */
  readonly hurry: AbortSignal
  /** Listens no more. */
  dispose(): void
}

/** Twice within this is once: npm, the terminal and the launcher may each pass on the same Ctrl-C. */
const SAME_MS = 400
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const INTERRUPTED = 130

/** `say` is told how to hurry. A third time ends the process as it is. `signals` are what asks. */
export function listenForStop(
  say: (line: string) => void,
  signals: readonly NodeJS.Signals[] = SIGNALS,
): Stopping {
  const hurry = new AbortController()
  let count = 0
  let last = Number.NEGATIVE_INFINITY
  let resolve: (why: string) => void = () => undefined
  const asked = new Promise<string>((done) => {
    resolve = done
  })
  const ask = (why: string): void => {
    if (performance.now() - last < SAME_MS) return
    last = performance.now()
    count += 1
    if (count === 1) resolve(why)
    else if (count === 2) {
      say('Hurrying: guests are switched off.')
      hurry.abort()
    } else process.exit(INTERRUPTED)
  }
  const onSignal = (signal: NodeJS.Signals) => ask(signal)
  const onDisconnect = () => ask('the launcher ended')
  for (const signal of signals) process.on(signal, onSignal)
  process.on('disconnect', onDisconnect)
  return {
    asked,
    hurry: hurry.signal,
    dispose() {
      for (const signal of signals) process.off(signal, onSignal)
      process.off('disconnect', onDisconnect)
    },
  }
}
