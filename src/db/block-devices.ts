/** Block devices: the disks of instances. */
import type { Kysely, Transaction } from 'kysely'
import type { BlockDevice } from '#model/instance/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

/** A block device to be stored. */
export type NewBlockDevice = Omit<BlockDevice, 'id' | 'createdAt' | 'updatedAt'>

/** The disks of each of these instances, by uuid, boot order first, in one query. */
export async function listBlockDevices(
  db: Db,
  instanceUuids: readonly string[],
): Promise<Map<string, BlockDevice[]>> {
  if (instanceUuids.length === 0) return new Map()
  const query = db.selectFrom('block_device_mapping').selectAll().where('instance_uuid', 'in', instanceUuids)
  const devices = (await query.orderBy('id').execute()).map(deviceOf)
  return Map.groupBy(devices.sort(byBootOrder), (device) => device.instanceUuid)
}

/** What boots comes first, in its order; what does not, in the order it came. */
const byBootOrder = (a: BlockDevice, b: BlockDevice): number => bootRank(a) - bootRank(b) || a.id - b.id
const bootRank = ({ bootIndex }: BlockDevice): number =>
  bootIndex === null || bootIndex < 0 ? Number.MAX_SAFE_INTEGER : bootIndex

type Row = Awaited<ReturnType<typeof rowsOf>>[number]
const rowsOf = (db: Db) => db.selectFrom('block_device_mapping').selectAll().execute()

const deviceOf = (row: Row): BlockDevice => ({
  id: row.id,
  uuid: row.uuid,
  instanceUuid: row.instance_uuid,
  sourceType: row.source_type as BlockDevice['sourceType'],
  destinationType: row.destination_type as BlockDevice['destinationType'],
  imageId: row.image_id,
  volumeId: row.volume_id,
  snapshotId: row.snapshot_id,
  deviceName: row.device_name,
  bootIndex: row.boot_index,
  volumeSizeGb: row.volume_size_gb,
  guestFormat: row.guest_format,
  diskBus: row.disk_bus,
  deviceType: row.device_type as BlockDevice['deviceType'],
  deleteOnTermination: row.delete_on_termination === 1,
  attachmentId: row.attachment_id,
  tag: row.tag,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

export async function insertBlockDevices(
  db: Db,
  devices: readonly NewBlockDevice[],
  options: { readonly now: number },
): Promise<void> {
  const rows = devices.map((device) => ({
    uuid: device.uuid,
    instance_uuid: device.instanceUuid,
    source_type: device.sourceType,
    destination_type: device.destinationType,
    image_id: device.imageId,
    volume_id: device.volumeId,
    snapshot_id: device.snapshotId,
    device_name: device.deviceName,
    boot_index: device.bootIndex,
    volume_size_gb: device.volumeSizeGb,
    guest_format: device.guestFormat,
    disk_bus: device.diskBus,
    device_type: device.deviceType,
    delete_on_termination: Number(device.deleteOnTermination),
    attachment_id: device.attachmentId,
    tag: device.tag,
    created_at: options.now,
    updated_at: null,
  }))
  for (let start = 0; start < rows.length; start += INSERT_CHUNK) {
    await db
      .insertInto('block_device_mapping')
      .values(rows.slice(start, start + INSERT_CHUNK))
      .execute()
  }
}

/** SQLite binds at most 32,766 values to a statement. */
const INSERT_CHUNK = 1000

/** Forgets all disks of an instance. */
export async function removeBlockDevices(db: Db, instanceUuid: string): Promise<void> {
  await db.deleteFrom('block_device_mapping').where('instance_uuid', '=', instanceUuid).execute()
}
