/** Kind of command → what is done. */
import type { CommandKind } from '#contracts/compute.ts'
import { ABLE } from './able.ts'
import { build } from './build.ts'
import { destroy } from './destroy.ts'
import { injectNetworkInfo } from './inject-network-info.ts'
import type { Operation } from './operation.ts'
import { reboot } from './reboot.ts'
import { snapshot } from './snapshot.ts'
import { start } from './start.ts'
import { stop } from './stop.ts'

export const OPERATIONS: Readonly<Record<CommandKind, Operation>> = {
  build,
  destroy,
  start,
  stop,
  reboot,
  snapshot,
  'inject-network-info': injectNetworkInfo,
  ...ABLE,
}
