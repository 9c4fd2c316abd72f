/** Block devices: the disks of instances. */
import type { Kysely, Transaction } from 'kysely'
import { compiledOnce, dialectOf, gathered, isListed, isOneOf, listOf } from '#db/kit/index.ts'
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
  const isTheirs = isOneOf(dialectOf(db), 'instance_uuid', instanceUuids)
  const query = db.selectFrom('block_device_mapping').selectAll().where(isTheirs)
  const devices = (await query.orderBy('id').execute()).map(deviceOf)
  return Map.groupBy(devices.sort(byBootOrder), (device) => device.instanceUuid)
}

/** The block devices of one instance, by their boot order. */
export const listBlockDevicesOf = gathered<NovaDb, string, BlockDevice[]>({
  rank: 20,
  one: async (db, uuid) => (await listBlockDevices(db, [uuid])).get(uuid) ?? [],
  async many(db, uuids) {
    const found = await listBlockDevices(db, [...uuids])
    return uuids.map((uuid) => found.get(uuid) ?? [])
  },
})

/** A volume that an instance has, or is about to have. */
export interface AttachedVolume {
  readonly volumeId: string
  readonly deleteOnTermination: boolean
}

/** The volumes of each of these instances that has some, by uuid, in one query. */
export async function listAttachedVolumes(
  db: Db,
  instanceUuids: readonly string[],
): Promise<Map<string, AttachedVolume[]>> {
  const attached = new Map<string, AttachedVolume[]>()
  if (instanceUuids.length === 0) return attached
  const rows = await askAttached(db, {}, { list: listOf(dialectOf(db), instanceUuids) })
  const ranked = rows.map((row) => ({ ...row, bootIndex: row.boot_index }))
  for (const row of ranked.sort(byBootOrder)) {
    const volume = { volumeId: row.volume_id ?? '', deleteOnTermination: row.delete_on_termination === 1 }
    const others = attached.get(row.instance_uuid)
    if (others) others.push(volume)
    else attached.set(row.instance_uuid, [volume])
  }
  return attached
}

const askAttached = compiledOnce((db: Db, _form: object, { list }: { readonly list: unknown }) =>
  db
    .selectFrom('block_device_mapping')
    .select(['instance_uuid', 'volume_id', 'delete_on_termination', 'boot_index', 'id'])
    .where(isListed(dialectOf(db), 'instance_uuid', list))
    .where('volume_id', 'is not', null)
    .orderBy('id'),
)

/** What boots comes first, in its order; what does not, in the order it came. */
const byBootOrder = (a: Ranked, b: Ranked): number => bootRank(a) - bootRank(b) || a.id - b.id
type Ranked = Pick<BlockDevice, 'id' | 'bootIndex'>
const bootRank = ({ bootIndex }: Ranked): number =>
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
  volumeType: row.volume_type,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

export async function insertBlockDevices(
  db: Db,
  devices: readonly NewBlockDevice[],
  options: { readonly now: number },
): Promise<void> {
  const rows = deviceRows(devices, options)
  for (let start = 0; start < rows.length; start += INSERT_CHUNK) {
    await db
      .insertInto('block_device_mapping')
      .values(rows.slice(start, start + INSERT_CHUNK))
      .execute()
  }
}

/** The rows of new disks. */
export const deviceRows = (devices: readonly NewBlockDevice[], options: { readonly now: number }) =>
  devices.map((device) => ({
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
    volume_type: device.volumeType,
    created_at: options.now,
    updated_at: null,
  }))

/** SQLite binds at most 32,766 values to a statement. */
const INSERT_CHUNK = 1000

/** Undefined when there is none, or none any more. */
export async function findBlockDevice(db: Db, uuid: string): Promise<BlockDevice | undefined> {
  const row = await db
    .selectFrom('block_device_mapping')
    .selectAll()
    .where('uuid', '=', uuid)
    .executeTakeFirst()
  return row && deviceOf(row)
}

/** Every instance's disks that are this volume. */
export async function listBlockDevicesOfVolume(db: Db, volumeId: string): Promise<BlockDevice[]> {
  const query = db.selectFrom('block_device_mapping').selectAll().where('volume_id', '=', volumeId)
  return (await query.orderBy('id').execute()).map(deviceOf)
}

export async function updateBlockDevice(
  db: Db,
  uuid: string,
  changes: Partial<
    Pick<BlockDevice, 'volumeId' | 'attachmentId' | 'deleteOnTermination' | 'volumeSizeGb' | 'deviceName'>
  >,
  options: { readonly now: number },
): Promise<void> {
  const { volumeId, attachmentId, deleteOnTermination, volumeSizeGb, deviceName } = changes
  await db
    .updateTable('block_device_mapping')
    .set({
      ...(volumeId !== undefined && { volume_id: volumeId }),
      ...(deviceName !== undefined && { device_name: deviceName }),
      ...(attachmentId !== undefined && { attachment_id: attachmentId }),
      ...(volumeSizeGb !== undefined && { volume_size_gb: volumeSizeGb }),
      ...(deleteOnTermination !== undefined && { delete_on_termination: Number(deleteOnTermination) }),
      updated_at: options.now,
    })
    .where('uuid', '=', uuid)
    .execute()
}

/** Forgets one disk. Nothing there is success. */
export async function removeBlockDevice(db: Db, uuid: string): Promise<void> {
  await db.deleteFrom('block_device_mapping').where('uuid', '=', uuid).execute()
}

/** Forgets all disks of an instance. */
export async function removeBlockDevices(db: Db, instanceUuid: string): Promise<void> {
  await db.deleteFrom('block_device_mapping').where('instance_uuid', '=', instanceUuid).execute()
}
