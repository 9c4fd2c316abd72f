/** Failures of neighbours that pass by themselves: worth another try in place. */
import { BusTimeout } from '#bus/port.ts'
import { isFault } from '#lib/fault.ts'

export const isPassing = (error: unknown): boolean =>
  error instanceof BusTimeout || isFault(error, 'unavailable', 'badGateway', 'tooManyRequests')
