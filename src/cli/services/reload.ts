/** What a SIGHUP does: the configuration is read again, what can change counts at once, and the rest is named. */
import { messageOf } from '#lib/undo.ts'
import type { Supervisor } from './supervisor.ts'

export interface Reloading {
  readonly supervisor: Supervisor
  /** What the supervisor shows when it is done. */
  readonly status: string
  /** Yields the changed options that need a restart. */
  reload(): Promise<readonly string[]>
}

/** To be called on each SIGHUP; one reload at a time. A configuration that is wrong changes nothing. */
export function reloader(name: string, { supervisor, status, reload }: Reloading): () => void {
  let last: Promise<void> = Promise.resolve()
  const once = async (): Promise<void> => {
    await supervisor.reloading()
    try {
      const changed = await reload()
      const rest = changed.length === 0 ? '' : `; these need a restart: ${changed.join(', ')}`
      console.error(`${name}: configuration read again${rest}`)
    } catch (error) {
      console.error(`${name}: the configuration stays as it was: ${messageOf(error)}`)
    }
    await supervisor.ready(status)
  }
  return () => {
    last = last.then(once)
  }
}
