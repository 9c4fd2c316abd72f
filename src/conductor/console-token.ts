/** Whether a console token opens a console now, and where that console is. */
import type { conductorContract } from '#contracts/conductor.ts'
import type { HandlersOf } from '#contracts/contract.ts'
import { checkConsoleToken, consumeConsoleToken } from '#db/console-tokens.ts'
import { findInstance } from '#db/instances.ts'
import { isFault } from '#lib/fault.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import type { World } from './world.ts'

type Handler = HandlersOf<typeof conductorContract>['validateConsoleToken']

/** The driver's word for a console type. SPICE and RDP have no driver. */
const DRIVER_CONSOLES: Readonly<Record<string, 'vnc' | 'serial'>> = { novnc: 'vnc', serial: 'serial' }

/** Nova refuses a token whose guest is gone or off before it is used up: it is good again when the guest is back. */
export async function validateConsoleToken(
  world: World,
  { token, consume }: Parameters<Handler>[0],
  requestId: string,
): ReturnType<Handler> {
  const now = () => world.clock.now()
  const checked = await checkConsoleToken(world.db, token, { now: now() })
  if (checked.verdict !== 'valid') return checked
  const { instanceUuid, consoleType, accessUrlBase } = checked.token
  const address = await addressOf(world, instanceUuid, consoleType, requestId)
  if (!address) return { verdict: 'not-running' }
  const used = consume ? await consumeConsoleToken(world.db, token, { now: now() }) : checked
  return used.verdict === 'valid'
    ? { verdict: 'valid', instanceUuid, consoleType, accessUrlBase, ...address }
    : { verdict: used.verdict }
}

async function addressOf(world: World, instanceUuid: string, consoleType: string, requestId: string) {
  const type = DRIVER_CONSOLES[consoleType]
  const instance = await findInstance(world.db, instanceUuid)
  if (!type || !instance?.host || instance.powerState !== POWER_STATES.running) return undefined
  try {
    return await world.compute(instance.host).console.call({ instanceUuid, type }, requestId)
  } catch (error) {
    if (isFault(error, 'notFound', 'conflict')) return undefined
    throw error
  }
}
