/** Volumes' and snapshots' bytes: a sparse raw file each, written under another name until it is whole. */
import { execFile } from 'node:child_process'
import { mkdir, open, readdir, rename, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const GIB = 2 ** 30
const PARTIAL = '.part'
const CONVERT_MS = 600_000

export interface FileStore {
  pathOf(id: string): string
  /** An empty one of so many GiB. */
  blank(id: string, sizeGb: number): Promise<void>
  /** A copy of another, grown to so many GiB. */
  copy(from: string, id: string, sizeGb: number): Promise<void>
  /** An image's bytes, made raw, grown to so many GiB. Throws for an image that refers to other files, or that is larger. */
  fill(id: string, image: { data: Readable; format: string }, sizeGb: number): Promise<void>
  /** Hands the bytes to `take` as an image of the format. */
  read(id: string, format: string, take: (bytes: Readable) => Promise<void>): Promise<void>
  grow(id: string, sizeGb: number): Promise<void>
  remove(id: string): Promise<void>
  /** Removes what nothing has: the rest of what was cut off. */
  sweep(isKept: (id: string) => boolean): Promise<void>
}

/** `id`s must be UUIDs: they become file names. */
export function createFileStore(folder: string): FileStore {
  const pathOf = (id: string) => join(folder, id)
  const whole = async (id: string, sizeGb: number, write: (path: string) => Promise<void>) => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const partial = `${pathOf(id)}${PARTIAL}`
    try {
      await write(partial)
      await truncate(partial, sizeGb * GIB)
      await rename(partial, pathOf(id))
    } finally {
      await rm(partial, { force: true })
    }
  }
  return {
    pathOf,
    blank: (id, sizeGb) =>
      whole(id, sizeGb, async (path) => {
        await (await open(path, 'w', 0o600)).close()
      }),
    copy: (from, id, sizeGb) =>
      whole(id, sizeGb, async (path) => {
        await run('cp', ['--sparse=always', '--reflink=auto', pathOf(from), path])
      }),
    fill: (id, image, sizeGb) => whole(id, sizeGb, (path) => writeImage(path, image, sizeGb)),
    async read(id, format, take) {
      if (format === 'raw') return take(await bytesOf(pathOf(id)))
      const converted = `${pathOf(id)}.${format}${PARTIAL}`
      try {
        const args = ['convert', '-f', 'raw', '-O', format, pathOf(id), converted]
        await run('qemu-img', args, { timeout: CONVERT_MS })
        await take(await bytesOf(converted))
      } finally {
        await rm(converted, { force: true })
      }
    },
    grow: (id, sizeGb) => truncate(pathOf(id), sizeGb * GIB),
    remove: (id) => rm(pathOf(id), { force: true }),
    async sweep(isKept) {
      const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return []
        throw error
      })
      for (const name of names) if (!isKept(name)) await rm(pathOf(name), { force: true })
    },
  }
}

const bytesOf = async (path: string): Promise<Readable> => (await open(path)).createReadStream()

async function writeImage(
  path: string,
  { data, format }: { data: Readable; format: string },
  sizeGb: number,
): Promise<void> {
  const isRaw = format === 'raw' || format === 'iso'
  const source = isRaw ? path : `${path}${PARTIAL}`
  try {
    await pipeline(data, (await open(source, 'w', 0o600)).createWriteStream())
    if (isRaw) return requireRoom(await sizeOf(source), sizeGb)
    if (format !== 'qcow2') throw new Error(`images of format ${format} are not taken`)
    requireRoom(await qcow2Size(source), sizeGb)
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', source, path], { timeout: CONVERT_MS })
  } finally {
    if (!isRaw) await rm(source, { force: true })
  }
}

function requireRoom(bytes: number, sizeGb: number): void {
  if (bytes > sizeGb * GIB) throw new Error(`the image needs ${bytes} bytes, which ${sizeGb} GiB do not hold`)
}

async function sizeOf(path: string): Promise<number> {
  const file = await open(path)
  try {
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

const QCOW2_HEADER = 104
const QCOW2_DATA_FILE = 0b100n

/** The size of the disk inside. An image that names another file would show its owner the host's own. */
async function qcow2Size(path: string): Promise<number> {
  const file = await open(path)
  try {
    const { buffer: head, bytesRead } = await file.read(Buffer.alloc(QCOW2_HEADER), 0, QCOW2_HEADER, 0)
    if (bytesRead < QCOW2_HEADER || head.toString('latin1', 0, 4) !== 'QFI\xfb')
      throw new Error('the image is not what it says')
    const named = head.readBigUInt64BE(8) !== 0n
    const dataFile = head.readUInt32BE(4) >= 3 && (head.readBigUInt64BE(72) & QCOW2_DATA_FILE) !== 0n
    if (named || dataFile) throw new Error('the image names another file')
    return Number(head.readBigUInt64BE(24))
  } finally {
    await file.close()
  }
}
