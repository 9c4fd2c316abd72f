/**
 * Which files the disks of guests stand on: read out of the disks themselves, not out of what anybody remembers.
 * Whatever lies under the instances' folder counts: guests that run, that are stopped, in quarantine or half made.
 */
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'

const QCOW2 = Buffer.from('QFI\xfb', 'latin1')
const HEADER_BYTES = 20
/** What QEMU takes at most. */
const MAX_NAME_BYTES = 1023
/** Folders in folders: a guest's own are one or two deep. */
const MAX_DEPTH = 4

/** The name of the file that a qcow2 disk stands on, as its header has it; undefined for every other file. */
export async function backingName(path: string): Promise<string | undefined> {
  const file = await open(path)
  try {
    const header = Buffer.alloc(HEADER_BYTES)
    const { bytesRead } = await file.read(header, 0, HEADER_BYTES, 0)
    if (bytesRead < HEADER_BYTES || !header.subarray(0, QCOW2.length).equals(QCOW2)) return undefined
    const [offset, length] = [Number(header.readBigUInt64BE(8)), header.readUInt32BE(16)]
    if (offset === 0 || length === 0) return undefined
    const name = Buffer.alloc(Math.min(length, MAX_NAME_BYTES))
    const read = await file.read(name, 0, name.length, offset)
    return name.toString('utf8', 0, read.bytesRead)
  } finally {
    await file.close()
  }
}

/** Something that was there a moment ago and is gone is no failure: the guest was removed. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** A guest's record names what QEMU is told to open, whatever the header says. */
const RECORD = 'guest.json'

async function* namesIn(path: string, depth: number): AsyncGenerator<{ name: string; beside: string }> {
  const found = await unlessGone(stat(path))
  if (found?.isDirectory() === true && depth > 0) {
    for (const entry of (await unlessGone(readdir(path))) ?? []) yield* namesIn(join(path, entry), depth - 1)
  } else if (found?.isFile() === true) {
    if (path.endsWith(`/${RECORD}`))
      yield { name: (await unlessGone(readFile(path, 'utf8'))) ?? '', beside: path }
    const name = await unlessGone(backingName(path))
    if (name !== undefined) yield { name, beside: path }
  }
}

/** The file that a name means, where it is a path. */
const fileOf = (name: string, beside: string): string | undefined =>
  name.startsWith('{') || /^\w+:/.test(name)
    ? undefined
    : isAbsolute(name)
      ? name
      : resolve(dirname(beside), name)

/**
 * The names, as they are written, of all that the disks under `instancesDir` stand on, and what those stand on; `_base`
 * itself (`baseDir`) is looked into only from there. Throws when a disk cannot be read: then nothing is known.
 */
export async function backingNames(instancesDir: string, baseDir: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>()
  const followed = new Set<string>()
  const follow = async (name: string, beside: string): Promise<void> => {
    names.add(name)
    const file = fileOf(name, beside)
    if (file === undefined || followed.has(file)) return
    followed.add(file)
    const next = await unlessGone(backingName(file))
    if (next !== undefined) await follow(next, file)
  }
  const seen = new Set<string>([baseDir])
  // A folder that is given another name meanwhile is found under that one.
  for (let isNew = true; isNew; ) {
    isNew = false
    for (const entry of await readdir(instancesDir)) {
      const path = join(instancesDir, entry)
      if (seen.has(path)) continue
      seen.add(path)
      isNew = true
      for await (const { name, beside } of namesIn(path, MAX_DEPTH)) await follow(name, beside)
    }
  }
  return names
}
