/** A stopped server is started. When that fails it is stopped, as it was. */
import { POWER_STATES } from '#model/instance/index.ts'
import { serverSaga } from '../world.ts'
import { powerStep } from './power-step.ts'

export const startServer = serverSaga<object>('start-server', {}).step(
  'start',
  { taskState: 'powering-on', event: 'compute_start_instance' },
  powerStep({ kind: 'start', vmState: 'active', powerState: POWER_STATES.running }),
)
