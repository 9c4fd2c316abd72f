/** A project's quota as those see it who are about to make something: the limits, and how a refusal is put. */
import type { Services } from '#api/kernel/index.ts'
import { type Fault, forbidden } from '#lib/fault.ts'
import { allLimits, type Limits, type Resource } from './limits.ts'
import { UNIFIED_NAMES } from './unified.ts'
import { overLimit, type UnifiedRoom, unifiedRoomOf } from './unified-room.ts'

/** What would be too much: `used` is there, `delta` was asked for. */
export interface Excess {
  readonly resource: Resource
  readonly used: number
  readonly delta: number
}

export interface Quota {
  /** The user's, or the project's where nothing was set for the user. */
  readonly limits: Limits
  /** Of all users of the project together. */
  readonly ofProject: Limits
  /** Whose servers count against `limits`, where they are not those of the whole project. */
  readonly userId: string | undefined
  /** Where Keystone keeps the limits of servers, and Placement counts: asked for with `forServers`. */
  readonly room?: UnifiedRoom
  /** The 403: in `words`, or in those of whoever keeps the limits. */
  refusal(words: string, excess: readonly Excess[]): Fault
}

interface Of {
  readonly projectId: string
  readonly userId?: string | undefined
  /** Whether servers are to be made, or to grow. */
  readonly forServers?: boolean
}

/** The quota of a project, or of one user in it. May ask Keystone and Placement: never to be called in a transaction. */
export async function quotaOf(
  services: Pick<Services, 'db' | 'config' | 'unifiedLimits' | 'placement'>,
  of: Of,
): Promise<Quota> {
  const isUnified = of.forServers === true && services.config.quotaDriver === 'keystone'
  const [{ ofProject, own }, room] = await Promise.all([
    allLimits(services, of),
    isUnified ? unifiedRoomOf(services, of.projectId) : undefined,
  ])
  const limits = { ...ofProject, ...own }
  return {
    limits,
    ofProject,
    userId: Object.keys(own).length > 0 ? of.userId : undefined,
    ...(room && { room }),
    refusal(words, excess) {
      if (services.config.quotaDriver !== 'keystone') return forbidden(words)
      const over = excess.map(({ resource, ...amounts }) => ({
        name: UNIFIED_NAMES[resource] ?? resource,
        limit: limits[resource],
        ...amounts,
      }))
      return overLimit(of.projectId, over)
    },
  }
}
