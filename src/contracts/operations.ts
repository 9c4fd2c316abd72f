/**
 * What the API hands to the conductor: an operation, inserted in the transaction of the request, is a
 * saga's name and these parameters. They travel as JSON. Additions only, and optional ones.
 */
import { type Static, Type } from '@sinclair/typebox'
import type { Image } from '#model/image/index.ts'
import { RequestSpec } from './scheduler.ts'

const NullableString = Type.Union([Type.String(), Type.Null()])

/** An interface to make (`portId` null) or to take over, as the API resolved it. */
export const RequestedPort = Type.Object({
  networkId: Type.String(),
  portId: NullableString,
  fixedIp: NullableString,
  securityGroupIds: Type.Array(Type.String()),
  tag: NullableString,
})

const ImageOrNull = Type.Unsafe<Image | null>(
  Type.Union([Type.Object({ id: Type.String() }, { additionalProperties: true }), Type.Null()]),
)

export const operationParams = {
  /** `image`: null when booted from a volume. No `networks`: a server without interfaces. */
  'build-server': Type.Object({ image: ImageOrNull, spec: RequestSpec, networks: Type.Array(RequestedPort) }),
  'delete-server': Type.Object({}),
  'start-server': Type.Object({}),
  'stop-server': Type.Object({}),
  'reboot-server': Type.Object({ type: Type.Union([Type.Literal('SOFT'), Type.Literal('HARD')]) }),
  /** Its host came up again and the guest, which should run, did not: started again. */
  'resume-server': Type.Object({}),
  'pause-server': Type.Object({}),
  'unpause-server': Type.Object({}),
  'suspend-server': Type.Object({}),
  /** A suspended server goes on. */
  'unsuspend-server': Type.Object({}),
  /** `image`: null is the server's own. */
  'rescue-server': Type.Object({ image: ImageOrNull }),
  'unrescue-server': Type.Object({}),
  /** Forgotten, here too, as soon as the guest has it. */
  'set-password': Type.Object({ adminPass: Type.String() }),
  'dump-crash': Type.Object({}),
  'inject-network-info': Type.Object({}),
  'soft-delete-server': Type.Object({}),
  'restore-server': Type.Object({}),
} as const

export type SagaName = keyof typeof operationParams
export type OperationParams<S extends SagaName> = Static<(typeof operationParams)[S]>
