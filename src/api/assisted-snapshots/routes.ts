/**
 * Snapshots of attached volumes that the hypervisor makes for Cinder, of drivers that keep volumes in files.
 * No driver here does: what is asked is checked as Nova checks it, and answered as by a driver that lacks it.
 */
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { listBlockDevicesOfVolume } from '#db/block-devices.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, Fault } from '#lib/fault.ts'
import { many, object, operation, query, required, t, wrapped } from '#lib/versioned/index.ts'

const RULE = 'os_compute_api:os-assisted-volume-snapshots'
const SOMETHING = t.string({ minLength: 1 })

const createSnapshot = operation({
  path: 'POST /os-assisted-volume-snapshots',
  policy: `${RULE}:create`,
  body: wrapped(
    'snapshot',
    object({
      volume_id: required(SOMETHING),
      create_info: required(
        object({
          snapshot_id: required(SOMETHING),
          type: required(t.enum('qcow2')),
          new_file: required(SOMETHING),
          id: SOMETHING,
        }),
      ),
    }),
  ),
})

const removeSnapshot = operation({
  path: 'DELETE /os-assisted-volume-snapshots/{id}',
  status: 204,
  policy: `${RULE}:delete`,
  query: query({ delete_info: many() }, { strictSince: '2.75' }),
})

/** The volume that is told of in `delete_info`, in Nova's words where it is not. */
function volumeIn(text: string | undefined): string {
  if (text === undefined) throw badRequest("'delete_info'")
  let info: unknown
  try {
    info = JSON.parse(text)
  } catch (error) {
    throw badRequest('Expecting value: line 1 column 1 (char 0)', { cause: error })
  }
  const volume = typeof info === 'object' && info !== null && 'volume_id' in info ? info.volume_id : undefined
  if (typeof volume !== 'string') throw badRequest("'volume_id'")
  return volume
}

export function assistedSnapshotRoutes({ db }: Services): readonly Route[] {
  const nova = db.typed<NovaDb>()

  async function refuse(volumeId: string): Promise<never> {
    const [device] = await listBlockDevicesOfVolume(nova, volumeId)
    if (!device) throw badRequest(`No volume Block Device Mapping with id ${volumeId}.`)
    throw new Fault('notImplemented', 'The requested functionality is not supported.')
  }

  return [
    serve(createSnapshot, (call) => refuse(call.body.snapshot.volume_id)),
    serve(removeSnapshot, (call) => refuse(volumeIn(call.query.delete_info?.at(-1)))),
  ]
}
