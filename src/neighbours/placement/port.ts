/** Placement, as far as Nova's services need it. */

export interface Inventory {
  readonly total: number
  readonly reserved: number
  readonly minUnit: number
  readonly maxUnit: number
  readonly stepSize: number
  readonly allocationRatio: number
}

export type ResourceAmounts = Readonly<Record<string, number>>
export type AllocationRequest = Readonly<Record<string, { readonly resources: ResourceAmounts }>>

export interface Candidate {
  readonly allocations: AllocationRequest
}

export interface ProviderSummary {
  readonly resources: Readonly<Record<string, { readonly capacity: number; readonly used: number }>>
  readonly traits: readonly string[]
  /** The root of the tree the provider is in; its own uuid for a compute node. */
  readonly rootUuid?: string
}

export interface CandidateQuery {
  readonly resources: ResourceAmounts
  readonly requiredTraits: readonly string[]
  readonly forbiddenTraits: readonly string[]
  /** The provider or its root is in one aggregate of each list. */
  readonly memberOf: readonly (readonly string[])[]
  /** Neither the provider nor its root is in any of these. */
  readonly notMemberOf?: readonly string[]
  /** Only from the tree of this provider. */
  readonly inTree?: string
  readonly limit: number
}

/** The constraint that left no candidates. */
export interface Lack {
  /** How many provider trees meet those before it. */
  readonly trees: number
  /** What none of them does: `has the trait CUSTOM_GPU`. */
  readonly lacking: string
}

export interface Consumer {
  readonly instanceUuid: string
  readonly projectId: string
  readonly userId: string
  /** `MIGRATION`: what holds a host for an instance that is on its way; left out: an instance. */
  readonly type?: 'MIGRATION'
}

export interface Claim {
  readonly consumer: Consumer
  readonly allocations: AllocationRequest
}

export interface PlacementClient {
  /** Creates or renames the provider, then makes its inventory and traits true. */
  syncProvider(provider: {
    uuid: string
    name: string
    inventories: Readonly<Record<string, Inventory>>
    traits: readonly string[]
  }): Promise<void>
  /** None when nothing is known of the provider. */
  traitsOf(providerUuid: string): Promise<readonly string[]>
  candidates(
    query: CandidateQuery,
  ): Promise<{ candidates: readonly Candidate[]; providers: Readonly<Record<string, ProviderSummary>> }>
  /** Why there are no candidates; undefined when there are, or when Placement is one that does not tell. */
  whatIsLacking?(query: CandidateQuery): Promise<Lack | undefined>
  /**
   * Takes the resources; false when somebody was faster (the caller tries the next candidate). The same claim
   * done twice is done once; throws `conflict` when the instance holds something else.
   */
  claim(consumer: Consumer, allocations: AllocationRequest): Promise<boolean>
  /**
   * Claims for several that hold nothing, in one request: all, or none (false) when one does not fit or holds
   * something. Why is to be found by claiming for each.
   */
  claimAll(claims: readonly Claim[]): Promise<boolean>
  /**
   * Hands all that one consumer holds to another, which must hold nothing, in one step. Done twice, or with nothing
   * to hand over, it changes nothing.
   */
  move(from: Consumer, to: Consumer): Promise<void>
  /** Gives all of the instance's resources back. Nothing there is success. */
  release(instanceUuid: string): Promise<void>
  allocationsOf(instanceUuid: string): Promise<AllocationRequest>
  allocationsOn(
    providerUuid: string,
  ): Promise<Readonly<Record<string, { readonly resources: ResourceAmounts }>>>
  /** What all of a project's servers hold together, those on their way on both hosts. */
  usagesOf(projectId: string): Promise<ResourceAmounts>
  /** Forgets the provider and what is still taken from it. Nothing there is success. */
  removeProvider(providerUuid: string): Promise<void>
  /** Puts the provider into an aggregate, or takes it out, whatever else it is in. */
  changeAggregates(
    providerUuid: string,
    change: { readonly add?: string; readonly remove?: string },
  ): Promise<void>
}
