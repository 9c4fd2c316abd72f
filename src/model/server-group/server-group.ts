/** A server group as Nova keeps it, and the policies there are. */

export const STRICT_GROUP_POLICIES = ['anti-affinity', 'affinity'] as const
/** These ask for the best that can be had, and refuse no host. */
export const SOFT_GROUP_POLICIES = ['soft-anti-affinity', 'soft-affinity'] as const

export type GroupPolicy = (typeof STRICT_GROUP_POLICIES)[number] | (typeof SOFT_GROUP_POLICIES)[number]

export interface ServerGroup {
  readonly id: number
  readonly uuid: string
  readonly name: string
  readonly projectId: string
  readonly userId: string
  readonly policy: GroupPolicy
  /** Of `anti-affinity`: so many of its servers may share a host. Null: one. */
  readonly maxServersPerHost: number | null
  /** The uuids of its servers that are there, in the order they joined. */
  readonly members: readonly string[]
  readonly createdAt: number
}
