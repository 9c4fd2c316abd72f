/** The plane of a machine where nothing may be set up: guests use QEMU's user networking, one by one. */
import type { Log } from '#lib/log.ts'
import type { NetworkPlane } from './port.ts'

/** Says at start what does not work, and `why`. */
export function createUserPlane(options: { readonly log: Log; readonly why: string }): NetworkPlane {
  return {
    vifType: 'user',
    serves: false,
    async start() {
      options.log.warn(
        { why: options.why },
        `networks are QEMU user networking only: ${options.why}. Guests reach out, but neither one another nor be reached; ` +
          'security groups, routers and floating IPs are stored and not applied; metadata comes by config drive only',
      )
    },
    changed() {},
    settled: async () => {},
    vifDetails: () => ({}),
    metadataSocket: null,
    rangesInUse: async () => [],
    close: async () => {},
  }
}
