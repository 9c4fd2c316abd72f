/**
 * Between what a limit may be set: not below what is used or given to users already, and a user's not
 * above what its project has left. -1, no limit, is above everything.
 */
import { badRequest } from '#lib/fault.ts'
import type { Limits, Resource } from './limits.ts'

type Amounts = Partial<Readonly<Record<Resource, number>>>

export interface Bounds {
  /** In use by the project, or by the user whose limit is set. */
  readonly used: Amounts
  /** Given to the project's users, together. */
  readonly given: Amounts
  /** The limits of the project. */
  readonly project: Limits
  /** The user's limits so far; undefined when the project's are set. */
  readonly user: Limits | undefined
}

const orInfinity = (limit: number): number => (limit < 0 ? Infinity : limit)
const orUnlimited = (limit: number): number => (limit === Infinity ? -1 : limit)

/** Refuses (400) limits out of bounds, in Nova's words. */
export function requireWithin(wanted: Amounts, bounds: Bounds): void {
  for (const [name, limit] of Object.entries(wanted) as [Resource, number][]) {
    const minimum = minimumOf(name, bounds)
    if (orInfinity(limit) < minimum)
      throw badRequest(
        `Quota limit ${limit} for ${name} must be greater than or equal to already used and reserved ${minimum}.`,
      )
    const maximum = maximumOf(name, bounds)
    if (orInfinity(limit) > maximum)
      throw badRequest(
        `Quota limit ${limit} for ${name} must be less than or equal to ${orUnlimited(maximum)}.`,
      )
  }
}

function minimumOf(name: Resource, { used, given, user }: Bounds): number {
  const inUse = used[name] ?? 0
  return user ? inUse : Math.max(inUse, given[name] ?? 0)
}

function maximumOf(name: Resource, { given, project, user }: Bounds): number {
  if (!user) return Infinity
  return orInfinity(project[name]) - (given[name] ?? 0) + orInfinity(user[name])
}
