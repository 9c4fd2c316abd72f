/** What computes and proxies ask of the conductor, their only door to the database. */
import { type Static, Type } from '@sinclair/typebox'
import type { ComputeNode } from '#model/host/index.ts'
import { Command } from './compute.ts'

const Done = Type.Null()

/** The outcome of a command. `retryable`: another host may fare better. */
export const CommandOutcome = Type.Union([
  Type.Object({ ok: Type.Literal(true), result: Type.Record(Type.String(), Type.Unknown()) }),
  Type.Object({
    ok: Type.Literal(false),
    message: Type.String(),
    details: Type.String(),
    retryable: Type.Boolean(),
    /** The guest's power state after the failure, where known: a guest that still runs is no error. */
    powerState: Type.Optional(Type.Integer()),
    /** The driver lacks the ability: nothing was done to the guest. */
    unsupported: Type.Optional(Type.Boolean()),
  }),
])
export type CommandOutcome = Static<typeof CommandOutcome>

/** A node as its compute reports it; ids and times are the conductor's. */
export type NodeReport = Omit<ComputeNode, 'id' | 'createdAt' | 'updatedAt' | 'host'>

/** What a conductor knows should be true of a guest on a host. */
export const ExpectedGuest = Type.Object({
  uuid: Type.String(),
  vmState: Type.String(),
  taskState: Type.Union([Type.String(), Type.Null()]),
  powerState: Type.Integer(),
  deleted: Type.Boolean(),
  /** Its server was made anew elsewhere while this host was taken for dead: the guest must not run, its disk is kept. */
  quarantined: Type.Optional(Type.Boolean()),
})
export type ExpectedGuest = Static<typeof ExpectedGuest>

/** Nova's service version of the release whose API we speak; computes below the minimum are refused by other services. */
export const SERVICE_VERSION = 70

export const conductorContract = {
  /** An operation waits to be worked on (a hint: runners poll too). */
  operationReady: {
    request: Type.Object({ operationId: Type.String() }),
    reply: Done,
    timeoutMs: 10_000,
    nudges: true,
  },
  /** A service is up: registers or refreshes its service row. */
  reportService: {
    request: Type.Object({
      binary: Type.String(),
      host: Type.String(),
      topic: Type.String(),
      version: Type.Integer(),
      /** Where only one process may speak for a host: which, with the host's stored identity. */
      process: Type.Optional(
        Type.Object({
          identity: Type.String(),
          /** `processId`: of two processes of one host, the later one is greater. */
          id: Type.String(),
          /** The first report of this process. */
          begins: Type.Boolean(),
          /** The last one: it stops. */
          leaves: Type.Optional(Type.Boolean()),
        }),
      ),
    }),
    reply: Type.Object({ disabled: Type.Boolean(), forcedDown: Type.Boolean() }),
    timeoutMs: 15_000,
    againMs: 250,
  },
  /** A compute's node and what it has. Answers the node's uuid, which is its resource provider's too. */
  reportNode: {
    request: Type.Object({
      host: Type.String(),
      node: Type.Unsafe<NodeReport>(Type.Object({ uuid: Type.String() }, { additionalProperties: true })),
    }),
    reply: Type.Object({ uuid: Type.String() }),
    timeoutMs: 15_000,
    againMs: 250,
  },
  /** What the host was told and has not answered, oldest first, but for the `except`ed commands that it knows. */
  pendingCommands: {
    request: Type.Object({ host: Type.String(), except: Type.Optional(Type.Array(Type.String())) }),
    reply: Type.Array(Command),
    timeoutMs: 15_000,
  },
  /** A command's outcome; written once, later ones change nothing. */
  commandDone: {
    request: Type.Object({ commandId: Type.String(), host: Type.String(), outcome: CommandOutcome }),
    reply: Done,
    timeoutMs: 15_000,
    packs: true,
  },
  /** The guests that should be on the host, and deleted ones that may linger there. */
  expectedGuests: {
    request: Type.Object({ host: Type.String(), uuids: Type.Array(Type.String()) }),
    reply: Type.Array(ExpectedGuest),
    timeoutMs: 15_000,
  },
  /** A guest's power state as the driver saw it change (`power_state` numbers). */
  powerStateChanged: {
    request: Type.Object({ host: Type.String(), instanceUuid: Type.String(), powerState: Type.Integer() }),
    reply: Done,
    timeoutMs: 15_000,
  },
  /** The host came up and these guests, which should run, do not: start them again (`resume_guests_state_on_host_boot`). */
  resumeGuests: {
    request: Type.Object({ host: Type.String(), instanceUuids: Type.Array(Type.String()) }),
    reply: Done,
    timeoutMs: 15_000,
  },
  /** A neighbour said that these servers' interfaces changed (a hint; lost, what is shown of them stays as it was until the next one). */
  networksChanged: {
    request: Type.Object({ instanceUuids: Type.Array(Type.String()) }),
    reply: Done,
    timeoutMs: 60_000,
  },
  /** Checks a console token and says where it leads; consumes it when `consume` is set. */
  validateConsoleToken: {
    request: Type.Object({ token: Type.String(), consume: Type.Boolean() }),
    reply: Type.Union([
      Type.Object({
        verdict: Type.Literal('valid'),
        instanceUuid: Type.String(),
        consoleType: Type.String(),
        accessUrlBase: Type.String(),
        unixPath: Type.Optional(Type.String()),
        host: Type.Optional(Type.String()),
        port: Type.Optional(Type.Integer()),
      }),
      Type.Object({
        verdict: Type.Union([
          Type.Literal('unknown'),
          Type.Literal('expired'),
          Type.Literal('used'),
          Type.Literal('not-running'),
        ]),
      }),
    ]),
    timeoutMs: 15_000,
  },
} as const

/** Of a process, by when it started (milliseconds since the epoch, by its host's clock); `unique` tells those of one moment apart. */
export const processId = (startedAt: number, unique: string): string =>
  `p${String(startedAt).padStart(14, '0')}-${unique}`

/** The part of a `processId` that grows with time; undefined for ids of older computes, which tell nothing. */
export const startOfProcess = (id: string): string | undefined => /^p\d{14}(?=-)/.exec(id)?.[0]

/** The code of the `conflict` with which a second process of one host is refused. */
export const SERVICE_TAKEN = 'service.taken'

export const CONDUCTOR_TOPIC = 'conductor'
