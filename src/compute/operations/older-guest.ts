/**
 * Guests of one server that were made at different times. A host from which a server was evacuated keeps the guest
 * that it had in quarantine: when the server comes back there, that guest is neither taken for the new one nor removed.
 */
import type { Command } from '#contracts/compute.ts'
import { SpawnFailed } from '#virt/port.ts'
import type { World } from '../world.ts'

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** What makes the guest: the same however often it is done again. */
export const makerOf = ({ args }: Command): { readonly madeBy?: string } => {
  const madeBy = text(args['madeBy'])
  return madeBy === undefined ? {} : { madeBy }
}

/** `SpawnFailed`, before anything is touched, when a guest is here that something else has made. */
export async function refuseOlderGuest(command: Command, { driver, log }: World): Promise<void> {
  const { madeBy } = makerOf(command)
  if (madeBy === undefined) return
  const there = await driver.info(command.instanceUuid)
  if (!there || there.madeBy === madeBy) return
  log.warn({ instance: command.instanceUuid, made_by: there.madeBy }, 'an older guest is here: it is kept')
  throw new SpawnFailed(
    'An older guest of this server is on this host, in quarantine since the server was evacuated or not yet removed: its disk is kept.',
  )
}

/** Whether what is here is not what this undoing is to remove. */
export async function isOlderGuest(command: Command, { driver, log }: World): Promise<boolean> {
  const wanted = text(command.args['onlyMadeBy'])
  if (wanted === undefined) return false
  const there = await driver.info(command.instanceUuid)
  if (!there || there.madeBy === wanted) return false
  log.warn({ instance: command.instanceUuid, made_by: there.madeBy }, 'an older guest is here: it stays')
  return true
}
