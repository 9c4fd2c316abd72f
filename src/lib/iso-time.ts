/** Milliseconds since the epoch in the two ISO 8601 forms that OpenStack's answers have, always UTC. */

/** `2026-01-31T08:15:30Z`. */
export const isoSeconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

/** `2026-01-31T08:15:30.250000`: Python's `isoformat()` of a time without a zone. */
export const isoMicroseconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 23)}000`
