/** Destroy: the guest, its disks and its interfaces are removed, whatever it was doing. */
import { isOlderGuest } from './older-guest.ts'
import type { Operation } from './operation.ts'

export const destroy: Operation = {
  changesUsage: true,
  preempts: () => true,
  doneLate: true,
  failure: 'The server could not be removed from its host.',
  retryable: false,
  async run(command, { world }) {
    const { guest } = command
    if (!(await isOlderGuest(command, world))) await world.driver.destroy(guest.uuid, guest.vifs)
  },
}
