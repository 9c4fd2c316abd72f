/** A server's host came up again and its guest, which should run, did not: it is started. Failing is an error: the guest should run. */
import { POWER_STATES } from '#model/instance/index.ts'
import { serverSaga } from '../world.ts'
import { powerStep } from './power-step.ts'

export const resumeServer = serverSaga<object>('resume-server', {
  failedVmState: 'error',
}).step(
  'start',
  { taskState: 'powering-on' },
  powerStep({ kind: 'start', vmState: 'active', powerState: POWER_STATES.running }),
)
