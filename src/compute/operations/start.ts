/** Start: a stopped guest runs again; with `args.growsDisks`, with the disks of a flavor that is new to it. */
import { canGrowDisks } from '#virt/port.ts'
import { guestDefinition } from '../guest-definition.ts'
import { lacking } from './able.ts'
import type { Operation } from './operation.ts'

export const start: Operation = {
  failure: 'The server could not be started.',
  retryable: false,
  async run({ guest, args }, { world }) {
    const { driver } = world
    const definition = guestDefinition(guest, world)
    if (args['growsDisks'] === true) {
      if (!canGrowDisks(driver)) throw lacking('finish_migration')
      await driver.growDisks(definition)
    }
    await driver.powerOn(definition)
  },
}
