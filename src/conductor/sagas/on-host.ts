/** What sagas of a guest's devices share: the compute does it, where the instance is on a host at all, and may be told not to. */
import type { CommandKind } from '#contracts/compute.ts'
import { withdrawCommands } from '#db/commands.ts'
import { getInstance } from '#db/instances.ts'
import { done, type Outcome } from '#lib/saga/index.ts'
import type { Instance } from '#model/instance/index.ts'
import { command } from '../command-step.ts'
import { guestSpecOf, rememberedImage } from '../guest-spec.ts'
import type { Ctx, Trx, World } from '../world.ts'

export const commandMs = (world: World): number => world.config.commandTimeoutMs

/** The compute does it to the guest; nothing is to be done when the instance is on no host. */
export async function onHost<Params, Outputs>(
  ctx: Ctx<Params, Outputs>,
  kind: CommandKind,
  args: Readonly<Record<string, unknown>>,
  forgiving = false,
): Promise<Outcome<null, Trx>> {
  const instance = await getInstance(ctx.world.db, ctx.subject)
  if (instance.host === null) return done(null)
  return command(ctx, {
    kind,
    args,
    host: instance.host,
    deadlineMs: commandMs(ctx.world),
    guest: async (trx) => specOf(await getInstance(trx, ctx.subject)),
    succeeded: async () => null,
    ...(forgiving && {
      failed: async (_trx: Trx, outcome: { message: string }) => {
        ctx.log.warn({ kind, outcome: outcome.message }, 'not undone on the host')
        return null
      },
      hostDown: async () => null,
    }),
  })
}

const specOf = (instance: Instance) => guestSpecOf(instance, rememberedImage(instance))

/** An undo: a host that returns later is not to do it. */
export const withdraw =
  (kind: CommandKind) =>
  async (ctx: Ctx<unknown, object>): Promise<Outcome<void, Trx>> =>
  async (trx) => {
    await withdrawCommands(trx, ctx.operationId, { now: ctx.world.clock.now(), kind })
    return done(undefined)
  }
