/** A volume made into an image, as the caller's: Glance has the image at once, and its bytes when they are written. */
import { badRequest } from '#lib/fault.ts'
import { findVolumeRow, updateVolume, type Volume } from '../store.ts'
import { isoTime, textsOf, typeView } from '../views.ts'
import { type Call, flagOf, type Reply, type Routes, textOf } from './context.ts'

/** What `qemu-img` writes, by Glance's names. */
const FORMATS = new Set(['raw', 'qcow2', 'vmdk', 'vdi', 'vhdx'])
/** What the volume was told of its image, which the new image tells by fields of its own. */
const FIELDS = new Set([
  'image_id',
  'image_name',
  'checksum',
  'container_format',
  'disk_format',
  'min_disk',
  'min_ram',
  'size',
])

function readWish(args: Readonly<Record<string, unknown>>) {
  const name = textOf(args, 'image_name')
  if (name === null)
    throw badRequest(
      "Invalid input for field/attribute os-volume_upload_image. 'image_name' is a required property",
    )
  const diskFormat = textOf(args, 'disk_format') ?? 'raw'
  if (!FORMATS.has(diskFormat))
    throw badRequest(
      `Invalid input for field/attribute disk_format. Value: ${diskFormat}. '${diskFormat}' is not one of [${[...FORMATS].map((one) => `'${one}'`).join(', ')}]`,
    )
  const containerFormat = textOf(args, 'container_format') ?? 'bare'
  if (containerFormat !== 'bare')
    throw badRequest(`Invalid input for field/attribute container_format. Value: ${containerFormat}.`)
  // Whoever the image is for besides may be told in Glance.
  const visibility = textOf(args, 'visibility') ?? 'private'
  if (visibility !== 'private' && visibility !== 'shared')
    throw badRequest('Images made of volumes are private: change the visibility of the image.')
  if (flagOf(args, 'protected'))
    throw badRequest('Images made of volumes are not protected: protect the image.')
  return { name, diskFormat, containerFormat }
}

export async function uploadImage(
  routes: Routes,
  { caller }: Call,
  { row, type }: Volume,
  args: Readonly<Record<string, unknown>>,
): Promise<Reply> {
  const { store, clock, images, work } = routes
  const { name, diskFormat, containerFormat } = readWish(args)
  await store.transaction(async (trx) => {
    if ((await findVolumeRow(trx, row.id))?.status !== 'available')
      throw badRequest(`Invalid volume: Volume ${row.id} status must be available`)
    await updateVolume(trx, row.id, { status: 'uploading' }, clock.now())
  })
  const notes = textsOf(row.image_metadata)
  const properties = Object.fromEntries(Object.entries(notes).filter(([key]) => !FIELDS.has(key)))
  const { min_disk: minDisk = '0', min_ram: minRam = '0' } = notes
  try {
    const image = await images.create(
      { name, diskFormat, containerFormat, properties, minDiskGb: Number(minDisk), minRamMb: Number(minRam) },
      caller,
    )
    work.uploadVolume(row.id, { id: image.id, diskFormat, containerFormat })
    const told = {
      id: row.id,
      updated_at: isoTime(clock.now()),
      status: 'uploading',
      display_description: row.description,
      size: row.size,
      volume_type: type ? typeView(type, caller) : null,
      image_id: image.id,
      container_format: containerFormat,
      disk_format: diskFormat,
      image_name: name,
      ...(caller.minor >= 1 && { protected: false, visibility: 'private' }),
    }
    return { status: 202, body: { 'os-volume_upload_image': told } }
  } catch (error) {
    await updateVolume(store.db, row.id, { status: 'available' }, clock.now())
    throw error
  }
}
