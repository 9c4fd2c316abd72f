/** A question for candidates: what is needed, in groups, and what holds for the whole of it. */

/** What one provider (a suffixed group) or one tree with what is shared with it (the group without suffix) must have. */
export interface RequestGroup {
  readonly resources: ReadonlyMap<string, number>
  /** One of each list. */
  readonly requiredTraits: readonly (readonly string[])[]
  readonly forbiddenTraits: readonly string[]
  /** One of each list. */
  readonly memberOf: readonly (readonly string[])[]
  readonly forbiddenAggregates: readonly string[]
  /** Only from the tree this provider is in. */
  readonly inTree: string | null
}

export interface CandidateQuery {
  /** By suffix; '' is the group that several providers may meet together. */
  readonly groups: ReadonlyMap<string, RequestGroup>
  /** `isolate`: no two suffixed groups are met by one provider. */
  readonly groupPolicy: 'none' | 'isolate'
  readonly rootRequiredTraits: readonly string[]
  readonly rootForbiddenTraits: readonly string[]
  /** Sets of suffixes whose providers lie below one of them. */
  readonly sameSubtrees: readonly (readonly string[])[]
  /** Undefined: all there are. */
  readonly limit: number | undefined
  /** False: at most one provider of each tree. */
  readonly nested: boolean
}

/** The resource classes asked for, over all groups. */
export const requestedClasses = (query: CandidateQuery): string[] => [
  ...new Set([...query.groups.values()].flatMap((group) => [...group.resources.keys()])),
]
