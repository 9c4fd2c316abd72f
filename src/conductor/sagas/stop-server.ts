/** A server is stopped: its guest is asked to shut down, and powered off when it does not in time. */
import { type Instance, POWER_STATES } from '#model/instance/index.ts'
import { serverSaga, type World } from '../world.ts'
import { powerStep } from './power-step.ts'

/** The image may ask for more time, or less, than the option gives (`os_shutdown_timeout`, seconds). */
export function shutdownTimeoutMs(instance: Instance, world: World): number {
  const asked = Number(instance.systemMetadata.image_os_shutdown_timeout ?? Number.NaN)
  return Number.isInteger(asked) && asked >= 0
    ? Math.min(asked * 1000, MAX_SHUTDOWN_MS)
    : world.config.shutdownTimeoutMs
}

/** However long an image asks for. */
const MAX_SHUTDOWN_MS = 900_000

export const stopServer = serverSaga<object>('stop-server', {}).step(
  'stop',
  { taskState: 'powering-off', event: 'compute_stop_instance' },
  powerStep({
    kind: 'stop',
    args: (_params, instance, world) => ({ timeoutMs: shutdownTimeoutMs(instance, world) }),
    moreTimeMs: (world) => Math.max(world.config.shutdownTimeoutMs, MAX_SHUTDOWN_MS),
    vmState: 'stopped',
    powerState: POWER_STATES.shutdown,
  }),
)
