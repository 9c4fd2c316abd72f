/** A guest's disks: a qcow2 overlay on the cached base for root; ephemeral and swap as sparse raw files. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Flavor } from '#model/flavor/index.ts'
import { type BootVolume, GuestRefused, type GuestVolume } from '#virt/port.ts'
import type { Disk, DiskLayer } from './disk-devices.ts'
import { configDriveArguments, writeConfigFiles } from './config-drive.ts'
import type { BaseImage } from './images.ts'
import type { Tools } from './tools.ts'

const GIB = 1024 ** 3
const MIB = 1024 ** 2

/** Nova's FlavorDiskSmallerThanImage. A flavor of 0 GB takes the image as large as it is. */
export function checkFits(flavor: Flavor, imageBytes: number): void {
  const flavorBytes = flavor.rootGb * GIB
  if (flavorBytes === 0 || imageBytes <= flavorBytes) return
  throw new GuestRefused(
    `Flavor's disk is too small for requested image. Flavor disk is ${flavorBytes} bytes, image is ${imageBytes} bytes.`,
  )
}

/** A disk that stands on another, as large as it or as said; the other's format is said, never probed. */
export async function makeOverlay(
  file: string,
  { file: base, format }: DiskLayer,
  tools: Tools,
  bytes?: number,
): Promise<DiskLayer & { readonly backing: DiskLayer }> {
  const size = bytes === undefined ? [] : [String(bytes)]
  await tools.run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', format, '-b', base, file, ...size])
  return { file, format: 'qcow2', backing: { file: base, format } }
}

/** An overlay as large as the flavor's root disk; its base and the base's format are said, never probed. */
export async function makeRootDisk(
  dir: string,
  flavor: Flavor,
  base: BaseImage,
  tools: Tools,
): Promise<Disk> {
  checkFits(flavor, base.virtualSize)
  const file = join(dir, 'disk')
  const bytes = flavor.rootGb === 0 ? base.virtualSize : flavor.rootGb * GIB
  return { id: 'root', ...(await makeOverlay(file, base, tools, bytes)), readOnly: false }
}

/** Makes a disk as large as this, unless it is larger. */
export async function growDisk({ file, format }: Disk, sizeGb: number, tools: Tools): Promise<void> {
  const info = await tools.run('qemu-img', ['info', '--output=json', '-U', '-f', format, file])
  const { 'virtual-size': bytes } = JSON.parse(info) as { readonly 'virtual-size': number }
  if (bytes < sizeGb * GIB) await tools.run('qemu-img', ['resize', '-q', '-f', format, file, `${sizeGb}G`])
}

/** A volume as a disk: a file of this host, raw whatever is written in it, and nobody's to resize. */
export function volumeDisk({ volumeId, connection }: GuestVolume, id: Disk['id']): Disk {
  const { device_path: file, format = 'raw', access_mode: mode } = connection?.data ?? {}
  if (connection?.driverVolumeType !== 'local' || typeof file !== 'string')
    throw new GuestRefused(
      `This driver cannot reach volume ${volumeId}: it is a ${connection?.driverVolumeType ?? 'unconnected'} one`,
    )
  if (format !== 'raw')
    throw new GuestRefused(`This driver cannot open volume ${volumeId}: its format is ${String(format)}`)
  return { id, file, format, readOnly: mode === 'ro', volumeId }
}

/** The volumes that a guest is made with, the one that it boots from as its root. */
export const volumeDisks = (volumes: readonly BootVolume[]): Disk[] =>
  volumes.map((volume, index) => volumeDisk(volume, volume.bootIndex === 0 ? 'root' : `volume${index}`))

async function makeSparse(file: string, bytes: number): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.truncate(bytes)
  } finally {
    await handle.close()
  }
}

/** The flavor's further disks, each empty and a guest's own: nothing of one guest ever reaches another. */
export async function makeFurtherDisks(dir: string, flavor: Flavor, tools: Tools): Promise<Disk[]> {
  const disks: Disk[] = []
  if (flavor.ephemeralGb > 0) {
    const file = join(dir, 'disk.eph0')
    await makeSparse(file, flavor.ephemeralGb * GIB)
    await tools.run('mke2fs', [
      '-q',
      '-F',
      '-t',
      'ext4',
      '-L',
      'ephemeral0',
      '-E',
      'lazy_itable_init=1,lazy_journal_init=1,nodiscard',
      file,
    ])
    disks.push({ id: 'ephemeral0', file, format: 'raw', readOnly: false })
  }
  if (flavor.swapMb > 0) {
    const file = join(dir, 'disk.swap')
    await makeSparse(file, flavor.swapMb * MIB)
    await tools.run('mkswap', [file])
    disks.push({ id: 'swap', file, format: 'raw', readOnly: false })
  }
  return disks
}

/** The config drive: an ISO image labelled `config-2` with these files. */
export async function makeConfigDrive(
  dir: string,
  files: Readonly<Record<string, string | Buffer>>,
  tools: Tools,
  name = 'disk.config',
): Promise<Disk> {
  const file = join(dir, name)
  const content = await writeConfigFiles(dir, files)
  try {
    const maker = await tools.find('genisoimage', 'mkisofs', 'xorrisofs')
    await tools.run(maker, configDriveArguments(file, content.dir))
  } finally {
    await content.remove()
  }
  return { id: 'config', file, format: 'raw', readOnly: true }
}
