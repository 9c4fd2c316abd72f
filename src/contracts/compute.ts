/**
 * What a compute is told. Work on a guest is a *command*: a row in the conductor's database with an id,
 * sent as a hint, done at least once, its result written by the conductor. Questions (console output,
 * a console's address) are calls.
 */
import { type Static, Type } from '@sinclair/typebox'
import type { Flavor } from '#model/flavor/index.ts'
import type { Image } from '#model/image/index.ts'
import type { Vif } from '#model/network/index.ts'

export const COMMAND_KINDS = [
  'build',
  'destroy',
  'start',
  'stop',
  'reboot',
  'pause',
  'unpause',
  'suspend',
  'resume',
  'rescue',
  'unrescue',
  'set-password',
  'dump-crash',
  'inject-network-info',
  'snapshot',
  'prepare-move',
  'prepare-live-move',
  'attach-volume',
  'detach-volume',
  'swap-volume',
  'attach-interface',
  'detach-interface',
] as const
export type CommandKind = (typeof COMMAND_KINDS)[number]

/** All that a compute needs to know of an instance to make its guest, so that it need not ask. */
export interface GuestSpec {
  readonly uuid: string
  /** `instance-0000002a`. */
  readonly name: string
  readonly displayName: string
  readonly hostname: string
  readonly projectId: string
  readonly userId: string
  readonly flavor: Flavor
  /** Null when booted from a volume. */
  readonly image: Image | null
  readonly vifs: readonly Vif[]
  readonly keyName: string | null
  readonly publicKey: string | null
  /** Base64. */
  readonly userData: string | null
  readonly configDrive: boolean
  readonly metadata: Readonly<Record<string, string>>
  readonly availabilityZone: string | null
  readonly launchIndex: number
  readonly reservationId: string
}

export const Command = Type.Object({
  id: Type.String(),
  kind: Type.Union(COMMAND_KINDS.map((kind) => Type.Literal(kind))),
  instanceUuid: Type.String(),
  requestId: Type.String(),
  /** Milliseconds since the epoch; a compute that gets to it later answers with a failure. */
  deadline: Type.Integer(),
  /** The guest as it should be. */
  guest: Type.Unsafe<GuestSpec>(Type.Object({ uuid: Type.String() }, { additionalProperties: true })),
  /**
   * What the kind needs beside. `{ madeBy }` of a build: an older guest of the same server, made by something else,
   * is neither used nor touched; `{ onlyMadeBy }` of a destroy that undoes it: likewise.
   * Others: `{ growsDisks: true }` of a start with a new flavor, `{ type: 'SOFT' | 'HARD' }` of a reboot, `{ timeoutMs }` of a stop, `{ injected, volumes }` of a build.
   */
  args: Type.Record(Type.String(), Type.Unknown()),
})
export type Command = Static<typeof Command>

/** As the driver says; `diagnostics: null` when it cannot say. */
const Diagnostics = Type.Object({
  driver: Type.String(),
  diagnostics: Type.Union([Type.Null(), Type.Object({}, { additionalProperties: true })]),
})

export const computeContract = {
  /**
   * There is a command to be done: the compute asks which (`pendingCommands`), since a message may come late
   * or twice, when the command is no longer wanted. Answers nothing.
   */
  run: {
    request: Type.Object({ commandId: Type.String() }),
    reply: Type.Null(),
    timeoutMs: 10_000,
    nudges: true,
  },
  /** Images that will be wanted: fetched ahead where the driver keeps images (a hint; a guest that needs one fetches it). */
  cacheImages: {
    request: Type.Object({
      images: Type.Array(
        Type.Unsafe<Image>(Type.Object({ id: Type.String() }, { additionalProperties: true })),
      ),
    }),
    reply: Type.Null(),
    timeoutMs: 10_000,
  },
  /** The console log's last `maxBytes`, as it is (base64, since a guest may print anything). */
  consoleOutput: {
    request: Type.Object({ instanceUuid: Type.String(), maxBytes: Type.Integer() }),
    reply: Type.Object({ outputBase64: Type.String() }),
    timeoutMs: 15_000,
  },
  /** What the guest uses and does. */
  diagnostics: {
    request: Type.Object({ instanceUuid: Type.String() }),
    reply: Diagnostics,
    timeoutMs: 15_000,
  },
  /** Where the guest's console listens. The proxy connects there. */
  console: {
    request: Type.Object({
      instanceUuid: Type.String(),
      type: Type.Union([Type.Literal('vnc'), Type.Literal('serial')]),
    }),
    reply: Type.Object({
      unixPath: Type.Optional(Type.String()),
      host: Type.Optional(Type.String()),
      port: Type.Optional(Type.Integer()),
    }),
    timeoutMs: 15_000,
  },
} as const

/** As services list it: what all hosts are. */
export const COMPUTE_TOPIC = 'compute'

export const computeTopic = (host: string): string => `${COMPUTE_TOPIC}.${host}`
