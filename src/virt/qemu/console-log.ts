/**
 * A guest's console log, kept within bounds: a guest may print for ever. QEMU appends to `console.log`; when it
 * has grown past the limit its end is kept as `console.log.1` and the file is cut to nothing (QEMU's next
 * line then goes to its start). While no compute service runs nobody cuts: a serial line brings a megabyte
 * a second at the most.
 */
import { open, truncate, writeFile } from 'node:fs/promises'

/** The last `maxBytes` of a file; empty when it is not there. */
async function tail(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!file) return Buffer.alloc(0)
  try {
    const { size } = await file.stat()
    const length = Math.min(size, maxBytes)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

const older = (path: string) => `${path}.1`

/** The last `maxBytes` that the guest printed, across the cut. */
export async function readConsoleLog(path: string, maxBytes: number): Promise<Buffer> {
  const recent = await tail(path, maxBytes)
  if (recent.length >= maxBytes) return recent
  return Buffer.concat([await tail(older(path), maxBytes - recent.length), recent])
}

/** Cuts the log when it has more than `limitBytes`. Says whether it did. */
export async function trimConsoleLog(path: string, limitBytes: number): Promise<boolean> {
  const end = await tail(path, limitBytes + 1)
  if (end.length <= limitBytes) return false
  await writeFile(older(path), end.subarray(1), { mode: 0o600 })
  await truncate(path, 0)
  return true
}
