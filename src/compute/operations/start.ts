/** Start: a stopped guest runs again. */
import { guestDefinition } from '../guest-definition.ts'
import type { Operation } from './operation.ts'

export const start: Operation = {
  failure: 'The server could not be started.',
  retryable: false,
  run: ({ guest }, { world }) => world.driver.powerOn(guestDefinition(guest, world)),
}
