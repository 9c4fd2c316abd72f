/** Milliseconds since the epoch in the two ISO 8601 forms that OpenStack's answers have, always UTC. */

/** `2026-01-31T08:15:30Z`. */
export const isoSeconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

/** `2026-01-31T08:15:30.250000`: Python's `isoformat()` of a time without a zone. Of fractions of `ms` three digits. */
export function isoMicroseconds(ms: number): string {
  const whole = Math.floor(ms)
  const rest = Math.min(999, Math.round((ms - whole) * 1_000))
  return `${new Date(whole).toISOString().slice(0, 23)}${String(rest).padStart(3, '0')}`
}
