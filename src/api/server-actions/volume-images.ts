/** Images of servers that boot from volumes: no data, but snapshots of the volumes, and how a server is made of them again. */
import { actionOf } from '#api/instances/index.ts'
import type { Call, Services } from '#api/kernel/index.ts'
import { listBlockDevices } from '#db/block-devices.ts'
import { finishInstanceAction, insertInstanceActions } from '#db/instance-actions.ts'
import type { NovaDb } from '#db/schema.ts'
import { withUndo } from '#lib/undo.ts'
import type { Image } from '#model/image/index.ts'
import type { BlockDevice, Instance } from '#model/instance/index.ts'
import { Readable } from 'node:stream'
import { newImageOf, type Wanted } from './new-image.ts'

type AnyCall = Pick<Call<unknown, unknown, never>, 'token' | 'context'>

/** Snapshots all its volumes and makes the image, in the caller's name. When one of it fails, nothing of it stays. */
export async function imageOfVolumes(
  call: AnyCall,
  services: Services,
  instance: Instance,
  wanted: Pick<Wanted, 'name' | 'properties'>,
): Promise<Image> {
  const { images, volumes, db, clock } = services
  const devices = (await listBlockDevices(db.typed<NovaDb>(), [instance.uuid])).get(instance.uuid) ?? []
  const caller = { token: call.token, projectId: call.context.projectId ?? '' }
  const image = await withUndo(async (undo) => {
    const mapping: object[] = []
    for (const device of devices) {
      const snapshotId = device.volumeId === null ? null : await snapshotOf(device.volumeId)
      if (snapshotId !== null) undo(() => volumes.removeSnapshot(snapshotId, caller))
      mapping.push(mappingOf(device, snapshotId))
    }
    const asked = newImageOf(call, services, instance, { ...wanted, type: null })
    const made = await images.create(
      {
        ...asked,
        properties: {
          ...asked.properties,
          ...(instance.rootDeviceName !== null && { root_device_name: instance.rootDeviceName }),
          block_device_mapping: JSON.stringify(mapping),
          bdm_v2: 'True',
        },
      },
      caller,
    )
    undo(() => images.remove(made.id))
    // Without data: what there is of it is in the snapshots.
    const format = { diskFormat: made.diskFormat ?? 'raw', containerFormat: made.containerFormat ?? 'bare' }
    await images.upload(made.id, { ...format, bytes: Readable.from([]) })
    return made
  })
  const now = clock.now()
  await db.transaction<NovaDb, void>(async (trx) => {
    await insertInstanceActions(trx, [actionOf(call, instance, 'createImage')], { now })
    const key = { instanceUuid: instance.uuid, requestId: call.context.requestId }
    await finishInstanceAction(trx, key, { now })
  })
  return image

  async function snapshotOf(volumeId: string): Promise<string> {
    const volume = await volumes.find(volumeId, caller)
    const name = `snapshot for ${wanted.name.trim()}`
    const wish = { volumeId, name, description: volume?.description ?? '', force: true }
    return (await volumes.createSnapshot(wish, caller)).id
  }
}

/** A disk as an image tells of it: a volume by its snapshot. All of Nova's fields, since clients look for them. */
const mappingOf = (device: BlockDevice, snapshotId: string | null): object => ({
  source_type: snapshotId === null ? device.sourceType : 'snapshot',
  destination_type: device.destinationType,
  snapshot_id: snapshotId,
  volume_id: null,
  image_id: snapshotId === null ? device.imageId : null,
  volume_size: device.volumeSizeGb,
  volume_type: snapshotId === null ? device.volumeType : null,
  boot_index: device.bootIndex,
  device_name: device.deviceName,
  device_type: device.deviceType,
  disk_bus: device.diskBus,
  guest_format: snapshotId === null ? device.guestFormat : null,
  delete_on_termination: device.deleteOnTermination,
  tag: snapshotId === null ? device.tag : null,
  no_device: null,
  encrypted: null,
  encryption_format: null,
  encryption_options: null,
  encryption_secret_uuid: null,
})
