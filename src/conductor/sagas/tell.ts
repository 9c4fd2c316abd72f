/** A step, or its undoing, in which a host is told one thing about an instance's guest. */
import type { CommandKind } from '#contracts/compute.ts'
import { withdrawCommands } from '#db/commands.ts'
import { getInstance } from '#db/instances.ts'
import { done, type Outcome } from '#lib/saga/index.ts'
import type { Image } from '#model/image/index.ts'
import type { Instance } from '#model/instance/index.ts'
import { command, type FailedOutcome } from '../command-step.ts'
import { guestSpecOf, rememberedImage } from '../guest-spec.ts'
import type { ConductorConfig } from '../config.ts'
import type { Ctx, Trx } from '../world.ts'

export interface Telling {
  readonly kind: CommandKind
  readonly host: string
  readonly args?: Readonly<Record<string, unknown>>
  /** The image it is made of, where that is not what the instance remembers. */
  readonly image?: Image | null
  /** The instance as that host is to see it. */
  readonly as?: Partial<Pick<Instance, 'flavor' | 'networkInfo'>>
  /** A host that is down does not matter: it asks when it returns. */
  readonly orLater?: boolean
  /** That it cannot does not matter. */
  readonly orNot?: boolean
}

/** What the host says of the guest when it is done. */
export interface Told {
  readonly powerState?: unknown
}

/** How long a step that tells something may take: a build, or anything less. */
export const buildMs = ({ config }: { readonly config: ConductorConfig }): number => config.buildTimeoutMs
export const taskMs = ({ config }: { readonly config: ConductorConfig }): number =>
  config.commandTimeoutMs + config.shutdownTimeoutMs + config.serviceDownTimeMs + 2 * config.commandPollMs

export function tell(ctx: Ctx<unknown, object>, telling: Telling): Outcome<Told, Trx> {
  const { kind, host, image, as, orLater, orNot } = telling
  const args = kind === 'build' ? { ...telling.args, madeBy: ctx.operationId } : telling.args
  return command(ctx, {
    kind,
    host,
    deadlineMs: kind === 'build' || kind === 'snapshot' ? buildMs(ctx.world) : taskMs(ctx.world),
    guest: async (trx) => {
      const instance = await getInstance(trx, ctx.subject)
      return guestSpecOf({ ...instance, ...as }, image === undefined ? rememberedImage(instance) : image)
    },
    ...(args && { args }),
    succeeded: async (_trx, { powerState }) => ({ powerState }),
    ...(orNot === true && {
      failed: async (_trx: Trx, { message }: FailedOutcome) => {
        ctx.log.warn({ host, kind, message }, 'the host could not: left to its repair')
        return {}
      },
    }),
    ...(orLater === true && {
      hostDown: async () => {
        ctx.log.warn({ host, kind }, 'the host is down: it will ask when it returns')
        return {}
      },
    }),
  })
}

/** Undoes a step by telling something else, once what it told is withdrawn. */
export function untell(ctx: Ctx<unknown, object>, told: CommandKind, instead?: Telling): Outcome<void, Trx> {
  return async (trx) => {
    await withdrawCommands(trx, ctx.operationId, { now: ctx.world.clock.now(), kind: told })
    if (!instead) return done(undefined)
    // What was there before what is undone is none of its business.
    const undoes = told === 'build' && instead.kind === 'destroy'
    const args = { ...instead.args, ...(undoes && { onlyMadeBy: ctx.operationId }) }
    const outcome = tell(ctx, { ...instead, args, orLater: true })
    const settled = typeof outcome === 'function' ? await outcome(trx) : outcome
    return settled.kind === 'parked' ? settled : done(undefined)
  }
}
