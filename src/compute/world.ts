/** What the compute's parts share. */
import type { conductorContract } from '#contracts/conductor.ts'
import type { ClientOf } from '#contracts/contract.ts'
import type { Clock } from '#lib/clock.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Metrics } from '#lib/metrics.ts'
import type { Images } from '#neighbours/images/port.ts'
import type { PlacementClient } from '#neighbours/placement/port.ts'
import type { VirtDriver } from '#virt/port.ts'
import type { ComputeConfig } from './config.ts'

export interface World {
  readonly host: string
  readonly driver: VirtDriver
  readonly conductor: ClientOf<typeof conductorContract>
  readonly images: Pick<Images, 'download' | 'upload'>
  readonly placement: Pick<PlacementClient, 'syncProvider' | 'allocationsOn'>
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly metrics?: Metrics
  readonly config: ComputeConfig
}
