/** Kind of command → what is done. */
import type { CommandKind } from '#contracts/compute.ts'
import { build } from './build.ts'
import { destroy } from './destroy.ts'
import type { Operation } from './operation.ts'
import { reboot } from './reboot.ts'
import { start } from './start.ts'
import { stop } from './stop.ts'

export const OPERATIONS: Readonly<Record<CommandKind, Operation>> = { build, destroy, start, stop, reboot }
