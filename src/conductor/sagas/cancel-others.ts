/** A first step of sagas that overtake what else runs on their instance: it is cancelled, undoes itself, and is waited for. */
import { cancelOperationsOf, listLiveOperations } from '#db/operations.ts'
import { done, type Outcome, parked } from '#lib/saga/index.ts'
import type { Ctx, Trx } from '../world.ts'

/** Deletes are never cancelled; of two, the later waits for the earlier. Nothing else waits for a later one. */
export async function cancelOthers(ctx: Ctx<unknown, object>): Promise<Outcome<null, Trx>> {
  const { world, subject, operationId } = ctx
  return async (trx) => {
    await cancelOperationsOf(trx, subject, {
      now: world.clock.now(),
      except: ['delete-server'],
      but: operationId,
    })
    const live = await listLiveOperations(trx, subject)
    const own = live.findIndex(({ id }) => id === operationId)
    const ahead = live.filter(
      ({ id, saga }, at) => id !== operationId && (saga !== 'delete-server' || at < own),
    )
    return ahead.length === 0 ? done(null) : parked(world.config.commandPollMs, async () => world.nudge())
  }
}
