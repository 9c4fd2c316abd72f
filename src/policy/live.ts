/** A policy that follows its files: looked at now and then while it is asked, read again when they changed. */
import type { Clock } from '#lib/clock.ts'
import { type LoadOptions, loadPolicy, type PolicySources, stampOf } from './load.ts'
import type { Policy } from './policy.ts'

export interface LivePolicyOptions extends LoadOptions {
  readonly clock: Pick<Clock, 'now'>
  /** The files are looked at no more often. A second when left out. */
  readonly lookMs?: number
}

export interface LivePolicy extends Policy {
  /** Reads the files now. Throws what is wrong with them, and stays with what it had. */
  reload(): Promise<void>
}

const LOOK_MS = 1_000

/**
 * Loads a policy and keeps it as its files are. Files that cannot be read while it runs are logged, and leave
 * everything as it was; at the start they throw a `PolicySyntaxError`.
 */
export async function createLivePolicy(
  sources: PolicySources,
  { clock, lookMs = LOOK_MS, ...options }: LivePolicyOptions,
): Promise<LivePolicy> {
  // Before the reading: what is changed meanwhile is seen at the next look.
  let stamp = await stampOf(sources)
  let current = await loadPolicy(sources, options)
  let lookedAt = clock.now()
  let isLooking = false

  const look = async (): Promise<void> => {
    const seen = await stampOf(sources)
    if (seen === stamp) return
    // Also when it cannot be read: complaining once of each state of the files is enough.
    stamp = seen
    current = await loadPolicy(sources, options)
    options.log?.info({ source: sources.file }, 'policy files were read again')
  }
  const followed = (): Policy => {
    if (isLooking || clock.now() - lookedAt < lookMs) return current
    isLooking = true
    lookedAt = clock.now()
    look()
      .catch((error: unknown) =>
        options.log?.error({ err: error }, 'policy files cannot be read; what they said before holds'),
      )
      .finally(() => (isLooking = false))
    return current
  }
  return {
    allows: (...args) => followed().allows(...args),
    enforce: (...args) => followed().enforce(...args),
    isAdmin: (context) => current.isAdmin(context),
    async reload() {
      stamp = await stampOf(sources)
      current = await loadPolicy(sources, options)
    },
  }
}
