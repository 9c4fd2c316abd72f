/**
 * How a simulated guest misbehaves, asked for by its flavor (extra specs `kilonova:sim_…`) or its image
 * (properties `kilonova_sim_…`, which win):
 *
 * | key | value | what happens |
 * |---|---|---|
 * | `sim_<verb>_ms` (the verbs are below) | milliseconds | the verb takes that long |
 * | `sim_fail` | verbs, comma separated | the verb fails |
 * | `sim_fail_times` | a number | only so many times for a guest, over all hosts that share a counter; then it works |
 * | `sim_fail_kind` | `retryable` (default), `refused` | another host may do better, or none will (spawn) |
 * | `sim_acpi` | `ignore` | the power button does nothing: a stop takes its whole timeout |
 * | `sim_power_off_ms` | milliseconds | so long after each start the guest powers itself off |
 */
import type { GuestDefinition } from '#virt/port.ts'

export const VERBS = [
  'spawn',
  'start',
  'stop',
  'reboot',
  'destroy',
  'pause',
  'unpause',
  'suspend',
  'resume',
  'rescue',
  'unrescue',
  'password',
  'crash_dump',
  'snapshot',
  'migrate',
  'live_migrate',
  'attach_volume',
  'detach_volume',
  'swap_volume',
  'attach_interface',
  'detach_interface',
] as const
export type Verb = (typeof VERBS)[number]

export interface Misbehaviour {
  readonly delayMs: Readonly<Partial<Record<Verb, number>>>
  readonly fails: readonly Verb[]
  readonly failTimes: number
  readonly isRefusal: boolean
  readonly ignoresAcpi: boolean
  readonly powerOffMs: number | null
}

/** A wrong number is no misbehaviour: the simulation does not guess. */
function numberOf(text: string | undefined): number | undefined {
  const value = Number(text)
  return text === undefined || text.trim() === '' || !Number.isFinite(value) || value < 0 ? undefined : value
}

export function misbehaviourOf(guest: Pick<GuestDefinition, 'flavor' | 'image'>): Misbehaviour {
  const ask = (key: string) =>
    guest.image?.properties[`kilonova_${key}`] ?? guest.flavor.extraSpecs[`kilonova:${key}`]
  const failing = (ask('sim_fail') ?? '').split(',').map((verb) => verb.trim())
  const delays = VERBS.flatMap((verb) => {
    const ms = numberOf(ask(`sim_${verb}_ms`))
    return ms === undefined ? [] : [[verb, ms] as const]
  })
  return {
    delayMs: Object.fromEntries(delays),
    fails: VERBS.filter((verb) => failing.includes(verb)),
    failTimes: numberOf(ask('sim_fail_times')) ?? Infinity,
    isRefusal: ask('sim_fail_kind') === 'refused',
    ignoresAcpi: ask('sim_acpi') === 'ignore',
    powerOffMs: numberOf(ask('sim_power_off_ms')) ?? null,
  }
}

/** Counts failures already given, by guest and verb. Shared by the hosts of one cloud, a guest fails N times in all. */
export interface FailureCounter {
  /** Counts one more; false when `limit` have been. */
  take(uuid: string, verb: Verb, limit: number): boolean
  forget(uuid: string): void
}

export function createFailureCounter(): FailureCounter {
  const counts = new Map<string, Map<Verb, number>>()
  return {
    take(uuid, verb, limit) {
      const ofGuest = counts.get(uuid) ?? new Map<Verb, number>()
      const count = ofGuest.get(verb) ?? 0
      if (count >= limit) return false
      counts.set(uuid, ofGuest.set(verb, count + 1))
      return true
    },
    forget: (uuid) => void counts.delete(uuid),
  }
}
