/** Inject network info: nothing a driver of ours writes into guests, as with Nova's; the guest asks by DHCP or metadata. */
import type { Operation } from './operation.ts'

export const injectNetworkInfo: Operation = {
  failure: 'The network information could not be injected.',
  retryable: false,
  run: async () => {},
}
