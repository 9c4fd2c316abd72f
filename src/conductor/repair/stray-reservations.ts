/**
 * Volumes that were reserved for a server by an API that died before it wrote that down (decision 0013). Cinder does not
 * say since when an attachment is there: one is believed to be stray that was so in an earlier look, some time ago.
 */
import { listBlockDevices } from '#db/block-devices.ts'
import { listInstanceStates, withLiveOperation } from '#db/operation-subjects.ts'
import type { Attachment } from '#neighbours/volumes/port.ts'
import type { World } from '../world.ts'
import { GRACE_MS, type RepairTask } from './task.ts'

/** A request that reserves a volume is over long before. */
const SEEN_MS = 10 * GRACE_MS

/** Remembers what it has seen, and when first; a new conductor begins anew. */
export function strayReservations(): RepairTask {
  let seen: ReadonlyMap<string, number> = new Map()
  return {
    name: 'stray reservations',
    async run(world, log, { dryRun }) {
      const now = world.clock.now()
      const strays = await straysOf(world)
      seen = new Map(strays.map(({ id }) => [id, seen.get(id) ?? now]))
      let released = 0
      for (const { id, volumeId, instanceUuid } of strays) {
        if (now - (seen.get(id) ?? now) < SEEN_MS) continue
        log.warn(
          { attachment: id, volumeId, instance: instanceUuid, dryRun },
          'a reservation that nobody knows of',
        )
        if (!dryRun) await world.volumes.release(id)
        released++
      }
      return { released }
    },
  }
}

/**
 * Reservations for servers of ours that nobody works on and no disk of which has them. Of a server that is not known here
 * nothing is said: it may be another cloud's that has the same Cinder.
 */
async function straysOf({ db, volumes }: World): Promise<readonly Attachment[]> {
  const reserved = await volumes.listReservations()
  const uuids = [...new Set(reserved.flatMap(({ instanceUuid }) => instanceUuid ?? []))]
  const ours = new Set((await listInstanceStates(db, uuids)).map(({ uuid }) => uuid))
  const busy = await withLiveOperation(db, uuids)
  const devices = [...(await listBlockDevices(db, uuids)).values()].flat()
  const known = new Set(devices.map(({ attachmentId }) => attachmentId))
  return reserved.filter(
    ({ id, instanceUuid }) =>
      instanceUuid !== null && ours.has(instanceUuid) && !busy.has(instanceUuid) && !known.has(id),
  )
}
