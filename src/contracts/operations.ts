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

/** What a guest is given on its config drive and nowhere else. Forgotten as soon as the operation is over: these are secrets. */
export const Injected = Type.Object({
  adminPass: Type.Optional(Type.String()),
  /** `contents`: base64, as they were sent. */
  files: Type.Optional(Type.Array(Type.Object({ path: Type.String(), contents: Type.String() }))),
})
export type Injected = Static<typeof Injected>

const ImageOrNull = Type.Unsafe<Image | null>(
  Type.Union([Type.Object({ id: Type.String() }, { additionalProperties: true }), Type.Null()]),
)

/** `image`: null when booted from a volume. No `networks`: a server without interfaces. */
const Build = Type.Object({
  image: ImageOrNull,
  spec: RequestSpec,
  networks: Type.Array(RequestedPort),
  injected: Type.Optional(Injected),
  /** Of who asks for volumes that are to be made, in whose name they are. Forgotten like what is injected. */
  token: Type.Optional(Type.String()),
})

export const operationParams = {
  'build-server': Build,
  /** The same of a server some of whose disks are volumes. */
  'build-server-with-volumes': Build,
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
  'rescue-server': Type.Object({ image: ImageOrNull, injected: Type.Optional(Injected) }),
  'unrescue-server': Type.Object({}),
  /** Forgotten, here too, as soon as the guest has it. */
  'set-password': Type.Object({ adminPass: Type.String() }),
  'dump-crash': Type.Object({}),
  'inject-network-info': Type.Object({}),
  'soft-delete-server': Type.Object({}),
  'restore-server': Type.Object({}),
  /** `imageId`: the image that waits for the data. */
  'snapshot-server': Type.Object({ imageId: Type.String() }),
  /** Of this type the newest `rotation` images are kept. */
  'backup-server': Type.Object({
    imageId: Type.String(),
    backupType: Type.String(),
    rotation: Type.Integer(),
  }),
  /** `image`: null when booted from a volume. `stopAfter`: it was stopped, and is so again. */
  'rebuild-server': Type.Object({
    image: ImageOrNull,
    stopAfter: Type.Boolean(),
    injected: Type.Optional(Injected),
  }),
  /** `imageId`: null when booted from a volume. */
  'shelve-server': Type.Object({ imageId: NullableString }),
  'shelve-and-offload-server': Type.Object({ imageId: NullableString }),
  'offload-server': Type.Object({}),
  /** A shelved server that is on its host still. `imageId`: what it was shelved as. */
  'unshelve-server': Type.Object({ imageId: NullableString }),
  /** `image`: what it was shelved as; null when booted from a volume. */
  'unshelve-offloaded-server': Type.Object({ image: ImageOrNull, spec: RequestSpec }),
  'resize-server': Type.Object({ migrationUuid: Type.String(), spec: RequestSpec }),
  'confirm-resize': Type.Object({ migrationUuid: Type.String() }),
  'revert-resize': Type.Object({ migrationUuid: Type.String() }),
  'live-migrate-server': Type.Object({ migrationUuid: Type.String(), spec: RequestSpec }),
  'evacuate-server': Type.Object({
    migrationUuid: Type.String(),
    spec: RequestSpec,
    image: ImageOrNull,
    stopAfter: Type.Boolean(),
    injected: Type.Optional(Injected),
  }),
  /** The port is bound to the host already, and the instance knows of it. */
  'attach-interface': Type.Object({ portId: Type.String() }),
  'detach-interface': Type.Object({ portId: Type.String() }),
  /** The block device is there already, its volume reserved. */
  'attach-volume': Type.Object({ blockDeviceUuid: Type.String() }),
  'detach-volume': Type.Object({ blockDeviceUuid: Type.String() }),
  /** The block device's volume gives way to another, which is reserved (`attachmentId`). */
  'swap-volume': Type.Object({
    blockDeviceUuid: Type.String(),
    volumeId: Type.String(),
    attachmentId: Type.String(),
  }),
} as const

export type SagaName = keyof typeof operationParams
export type OperationParams<S extends SagaName> = Static<(typeof operationParams)[S]>
