/** What the scheduler answers to: `select` hosts for a request, with the reason for each refusal. */
import { type Static, Type } from '@sinclair/typebox'
import { RequestContextSchema } from './request-context.ts'

/** What a server needs of a host; one for all servers of one create. */
export const RequestSpec = Type.Object({
  flavor: Type.Object({
    /** Left out by who knew none. */
    name: Type.Optional(Type.String()),
    vcpus: Type.Integer(),
    memoryMb: Type.Integer(),
    rootGb: Type.Integer(),
    ephemeralGb: Type.Integer(),
    swapMb: Type.Integer(),
    extraSpecs: Type.Record(Type.String(), Type.String()),
  }),
  imageProperties: Type.Record(Type.String(), Type.String()),
  /** The image that the server is of; null: of none that is known. */
  imageId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  /** `qcow2`: as Glance names it. */
  imageDiskFormat: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  /** Boot from volume takes no root disk of the host. */
  isVolumeBacked: Type.Boolean(),
  projectId: Type.String(),
  availabilityZone: Type.Union([Type.String(), Type.Null()]),
  /** `az:host:node` of an admin: only these. */
  forceHost: Type.Union([Type.String(), Type.Null()]),
  forceNode: Type.Union([Type.String(), Type.Null()]),
  /** The named host must pass the filters like any other: an admin asked for it, and did not force it. */
  heedsFilters: Type.Optional(Type.Boolean()),
  /** A move forced past the scheduler, as moves once could be: its host may even be disabled. */
  evenDisabled: Type.Optional(Type.Boolean()),
  ignoreHosts: Type.Array(Type.String()),
  schedulerHints: Type.Record(Type.String(), Type.Unknown()),
})
export type RequestSpec = Static<typeof RequestSpec>

export const SelectedHost = Type.Object({
  host: Type.String(),
  node: Type.String(),
  providerId: Type.String(),
  availabilityZone: Type.String(),
  /** What `PUT /allocations/{instance}` takes: provider id → { resources: { VCPU: 1, … } }. */
  allocations: Type.Record(
    Type.String(),
    Type.Object({ resources: Type.Record(Type.String(), Type.Integer()) }),
  ),
})
export type SelectedHost = Static<typeof SelectedHost>

export const Refusal = Type.Object({ host: Type.String(), by: Type.String(), reason: Type.String() })
export type Refusal = Static<typeof Refusal>

export const schedulerContract = {
  /**
   * For each instance: the chosen host (already claimed in Placement) first, alternates (unclaimed) after it.
   * An empty list for an instance means no valid host; `explanation` then says why in a sentence.
   */
  select: {
    request: Type.Object({
      context: RequestContextSchema,
      spec: RequestSpec,
      instanceUuids: Type.Array(Type.String()),
    }),
    reply: Type.Object({
      selections: Type.Array(Type.Array(SelectedHost)),
      refusals: Type.Array(Refusal),
      explanation: Type.String(),
    }),
    timeoutMs: 60_000,
    packs: true,
  },
} as const

export const SCHEDULER_TOPIC = 'scheduler'
