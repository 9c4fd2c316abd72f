/** Stop: the guest shuts down, by force when it does not within `args.timeoutMs`. */
import type { Operation } from './operation.ts'

export const stop: Operation = {
  failure: 'The server could not be stopped.',
  retryable: false,
  run({ guest, args }, { world }) {
    const { timeoutMs } = args
    return world.driver.powerOff(
      guest.uuid,
      typeof timeoutMs === 'number' ? timeoutMs : world.config.shutdownTimeoutMs,
    )
  },
}
