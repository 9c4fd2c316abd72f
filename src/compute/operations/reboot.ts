/** Reboot: `args.type` SOFT asks the guest, HARD makes QEMU anew. */
import { guestDefinition } from '../guest-definition.ts'
import type { Operation } from './operation.ts'

export const reboot: Operation = {
  preempts: ({ args }) => args['type'] === 'HARD',
  failure: 'The server could not be rebooted.',
  retryable: false,
  run({ guest, args }, { world }) {
    return world.driver.reboot(guestDefinition(guest, world), args['type'] === 'SOFT' ? 'soft' : 'hard')
  },
}
