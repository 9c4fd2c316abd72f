/** Tells the conductor of new operations: a hint, since it looks by itself too. */
import { conductorContract, CONDUCTOR_TOPIC } from '#contracts/conductor.ts'
import { clientOf } from '#contracts/contract.ts'
import type { Services } from './services.ts'

/** Never fails: a hint that is lost costs a poll. */
export async function announceOperations(
  { bus, log }: Pick<Services, 'bus' | 'log'>,
  operationIds: readonly string[],
  requestId: string,
): Promise<void> {
  const conductor = clientOf(conductorContract, CONDUCTOR_TOPIC, bus)
  try {
    await Promise.all(
      operationIds.map((operationId) => conductor.operationReady.cast({ operationId }, requestId)),
    )
  } catch (error) {
    log.warn({ request_id: requestId, err: error }, 'the conductor was not told of an operation')
  }
}
