/** Images' bytes on disk: one file an image, written under another name until it is whole. */
import { Fault } from '#lib/fault.ts'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { HEAD_BYTES } from './formats.ts'

export interface Written {
  readonly size: number
  readonly md5: string
  readonly sha512: string
  readonly head: Buffer
}

export interface FileStore {
  /**
   * Writes all of `data`. `check` sees the head as soon as it is there and may throw; whatever throws,
   * nothing is kept. Throws `tooLarge` beyond the limit and when the disk is full.
   */
  write(id: string, data: AsyncIterable<Buffer>, check: (head: Buffer) => void): Promise<Written>
  /** Bytes `start` to `end`, both included; all of them without a range. */
  read(id: string, range?: { start: number; end: number }): Readable
  remove(id: string): Promise<void>
  /** Removes what no image has: the rest of uploads and deletions that were cut off. */
  sweep(isKept: (id: string) => boolean): Promise<void>
}

const PARTIAL = '.part'

/** `id`s must be UUIDs: they become file names. */
export function createFileStore(folder: string, maxBytes: number): FileStore {
  const pathOf = (id: string) => join(folder, id)
  return {
    async write(id, data, check) {
      await mkdir(folder, { recursive: true })
      const partial = `${pathOf(id)}${PARTIAL}`
      try {
        const written = await writeFile(partial, data, check, maxBytes)
        await rename(partial, pathOf(id))
        return written
      } catch (error) {
        await rm(partial, { force: true })
        throw asFault(error)
      }
    },
    read: (id, range) => createReadStream(pathOf(id), range),
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

async function writeFile(
  path: string,
  data: AsyncIterable<Buffer>,
  check: (head: Buffer) => void,
  maxBytes: number,
): Promise<Written> {
  const file = await open(path, 'w', 0o600)
  try {
    const md5 = createHash('md5')
    const sha512 = createHash('sha512')
    let size = 0
    let head = Buffer.alloc(0)
    let isChecked = false
    for await (const chunk of data) {
      size += chunk.length
      if (size > maxBytes)
        throw new Fault('tooLarge', `Image exceeds the storage quota: at most ${maxBytes} bytes are allowed.`)
      if (!isChecked) {
        head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)])
        isChecked = head.length === HEAD_BYTES
        if (isChecked) check(head)
      }
      md5.update(chunk)
      sha512.update(chunk)
      await file.writeFile(chunk)
    }
    if (!isChecked) check(head)
    await file.datasync()
    return { size, md5: md5.digest('hex'), sha512: sha512.digest('hex'), head }
  } finally {
    await file.close()
  }
}

function asFault(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new Fault('tooLarge', 'Image storage media is full.', { cause: error })
  // The client went away in the middle: nobody reads the answer, but it is no fault of ours.
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE')
    return new Fault('badRequest', 'The upload was cut off.', { cause: error })
  return error
}
