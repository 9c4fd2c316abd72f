/** A server's volumes as block devices, and what a new one is called. */
import { listBlockDevices } from '#db/block-devices.ts'
import type { NovaDb } from '#db/schema.ts'
import { conflict } from '#lib/fault.ts'
import type { BlockDevice, Instance } from '#model/instance/index.ts'
import type { Kysely, Transaction } from 'kysely'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

export async function volumesOf(db: Db, instanceUuid: string): Promise<BlockDevice[]> {
  const devices = (await listBlockDevices(db, [instanceUuid])).get(instanceUuid) ?? []
  return devices.filter(({ volumeId }) => volumeId !== null)
}

const LETTERS = 26

/** `/dev/vdb` after `/dev/vda`: the next letters that no disk has, with the root disk's prefix. Throws Nova's 409 for a name that is taken. */
export function deviceNameFor(
  instance: Pick<Instance, 'rootDeviceName'>,
  devices: readonly Pick<BlockDevice, 'deviceName'>[],
  wished: string | null | undefined,
): string {
  const root = instance.rootDeviceName ?? '/dev/vda'
  const taken = new Set([root, ...devices.flatMap(({ deviceName }) => deviceName ?? [])].map(lettersOf))
  if (wished != null) {
    if (taken.has(lettersOf(wished))) throw conflict(`The supplied device path (${wished}) is in use.`)
    return wished
  }
  const prefix = root.replace(/[a-z]\d*$/, '')
  let number = 1
  while (taken.has(lettersAt(number))) number += 1
  return `${prefix}${lettersAt(number)}`
}

/** What tells disks apart: `b` of `/dev/vdb` and of `/dev/sdb1`. */
const lettersOf = (deviceName: string): string =>
  deviceName.replace(/^\/dev\/(?:x?[a-z]?d)?/, '').replace(/\d+$/, '')

/** a … z, aa, ab … */
const lettersAt = (number: number): string =>
  (number < LETTERS ? '' : lettersAt(Math.floor(number / LETTERS) - 1)) +
  String.fromCharCode('a'.charCodeAt(0) + (number % LETTERS))
