/** The network plane of this machine: real networks for root, QEMU's user networking for others. */
import type { Log } from '#lib/log.ts'
import { createUserPlane, type NetworkPlane } from '#stand-ins/neutron/index.ts'

export interface PlaneOptions {
  readonly stateDir: string
  readonly isRoot: boolean
  readonly driver: 'qemu' | 'simulated'
  readonly log: Log
  /** Signs what is said of a metadata request's sender. */
  readonly secret: string
}

export async function createPlane(options: PlaneOptions): Promise<NetworkPlane> {
  await Promise.resolve()
  return createUserPlane({
    log: options.log,
    why: options.isRoot ? 'guests are simulated' : 'this is not root',
  })
}
