/** A server's volumes as block devices, and what a new one is called. */
import { listBlockDevices } from '#db/block-devices.ts'
import type { NovaDb } from '#db/schema.ts'
import { conflict } from '#lib/fault.ts'
import { type BlockDevice, freeDeviceName, type Instance, isDeviceNameTaken } from '#model/instance/index.ts'
import type { Kysely, Transaction } from 'kysely'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

export async function volumesOf(db: Db, instanceUuid: string): Promise<BlockDevice[]> {
  const devices = (await listBlockDevices(db, [instanceUuid])).get(instanceUuid) ?? []
  return devices.filter(({ volumeId }) => volumeId !== null)
}

/** `/dev/vdb` after `/dev/vda`: the next letters that no disk has, with the root disk's prefix. Throws Nova's 409 for a name that is taken. */
export function deviceNameFor(
  { rootDeviceName }: Pick<Instance, 'rootDeviceName'>,
  devices: readonly Pick<BlockDevice, 'deviceName'>[],
  wished: string | null | undefined,
): string {
  const names = devices.flatMap(({ deviceName }) => deviceName ?? [])
  if (wished == null) return freeDeviceName(rootDeviceName, names)
  if (isDeviceNameTaken(wished, rootDeviceName, names))
    throw conflict(`The supplied device path (${wished}) is in use.`)
  return wished
}
