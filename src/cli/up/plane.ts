/** The network plane of this machine: bridges where they can be had, QEMU's user networking elsewhere. */
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import { choosePlane, createUserPlane, type NetworkPlane } from '#stand-ins/neutron/index.ts'
import type { DriverName } from './up-arguments.ts'

export interface PlaneOptions {
  readonly stateDir: string
  readonly isRoot: boolean
  readonly driver: DriverName
  readonly clock: Clock
  readonly log: Log
}

/** Simulated guests have no wires: nothing is set up for them. */
export async function createPlane({
  stateDir,
  isRoot,
  driver,
  clock,
  log,
}: PlaneOptions): Promise<NetworkPlane> {
  if (driver === 'simulated') return createUserPlane({ log, why: 'guests are simulated' })
  return choosePlane({ stateDir, clock, log, want: isRoot ? 'auto' : 'user' })
}
