/**
 * Removes cached images that no disk stands on, once they are old. What is about to go is set aside first and the disks are
 * read again: a disk that was made in that moment gets its base back. A crash in between is mended at the next start.
 */
import { readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import type { AgedImages, ImageAges } from '#virt/port.ts'
import { backingNames } from './backing.ts'

/** Of a download, or a note, that is not whole. */
export const PART = '.part'
const ASIDE = '.aside'
const NOTE = '.json'

/** An image's file: its key, and the size in GB for a copy that was made larger (as Nova has them). */
const IMAGE = /^([0-9a-f]{40})(_\d+)?$/
const ANY_IMAGE = /[0-9a-f]{40}(_\d+)?/g

/** A download writes all the time: what was not written to for so long is nobody's. */
const LEFTOVER_MS = 3_600_000

export interface Ageing {
  readonly baseDir: string
  readonly instancesDir: string
  readonly clock: Clock
  readonly log: Log
  /** Whether an image is being fetched, or a disk made on it. */
  isBusy(key: string): boolean
  /** Nobody looks for the image's copy meanwhile. */
  exclusively(key: string, work: () => Promise<void>): Promise<void>
}

const sizeAndTime = (path: string) =>
  stat(path).then(
    ({ size, mtimeMs }) => ({ size, mtimeMs }),
    () => undefined,
  )

/** Marks a file as used now; one that is gone, or not yet there, is nobody's to mark. */
async function touch(file: string, clock: Clock): Promise<void> {
  const now = new Date(clock.now())
  await utimes(file, now, now).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

/** The names of image files that disks stand on. */
async function imagesInUse({ instancesDir, baseDir }: Ageing): Promise<ReadonlySet<string>> {
  const names = await backingNames(instancesDir, baseDir)
  return new Set([...names].flatMap((name) => name.match(ANY_IMAGE) ?? []))
}

/** Puts one back. Was the image fetched again meanwhile, it is the same, byte for byte. */
const restore = (baseDir: string, name: string): Promise<void> =>
  rename(join(baseDir, `${name}${ASIDE}`), join(baseDir, name))

/** Puts back what a crash left set aside: a disk may stand on it. */
export async function restoreAsides(baseDir: string): Promise<void> {
  for (const name of await readdir(baseDir))
    if (name.endsWith(ASIDE)) await restore(baseDir, name.slice(0, -ASIDE.length))
}

/** Removes one image if nothing stands on it still; whether it did. */
async function remove(ageing: Ageing, name: string, isOld: () => Promise<boolean>): Promise<boolean> {
  const { baseDir, log } = ageing
  const key = name.slice(0, 40)
  let isGone = false
  await ageing.exclusively(key, async () => {
    // Whoever came meanwhile has used it, or waits until it is gone.
    if (ageing.isBusy(key) || !(await isOld())) return
    const file = join(baseDir, name)
    await rename(file, `${file}${ASIDE}`)
    const stays = await imagesInUse(ageing).then(
      (used) => used.has(name),
      async (error: unknown) => {
        await restore(baseDir, name)
        throw error
      },
    )
    if (stays) {
      log.warn({ image: name }, 'a disk was made on an image that was about to go: it stays')
      return restore(baseDir, name)
    }
    await rm(`${file}${NOTE}`, { force: true })
    await rm(`${file}${ASIDE}`, { force: true })
    isGone = true
  })
  return isGone
}

/** What crashes left of downloads, and nobody works on. */
async function removeLeftovers(
  { baseDir, clock, log, isBusy }: Ageing,
  names: readonly string[],
  dryRun: boolean,
): Promise<number> {
  let leftovers = 0
  for (const name of names.filter((each) => each.endsWith(PART))) {
    const found = await sizeAndTime(join(baseDir, name))
    if (!found || isBusy(name.slice(0, 40)) || clock.now() - found.mtimeMs < LEFTOVER_MS) continue
    log.info({ file: name, bytes: found.size, dryRun }, 'what is left of a download goes')
    leftovers += 1
    if (!dryRun) await rm(join(baseDir, name), { force: true })
  }
  return leftovers
}

/** Every image in the folder, once: used ones are marked as used now, old ones go. */
export async function ageImages(ageing: Ageing, ages: ImageAges): Promise<AgedImages> {
  const { baseDir, clock, log, isBusy } = ageing
  const { dryRun } = ages
  const names = await readdir(baseDir)
  const leftovers = await removeLeftovers(ageing, names, dryRun)
  const used = await imagesInUse(ageing)
  const counts = { used: 0, young: 0, removed: 0 }
  for (const name of names.filter((each) => IMAGE.test(each))) {
    const file = join(baseDir, name)
    const isOld = async () => {
      const limitMs = name.includes('_') ? ages.unusedResizedMs : ages.unusedMs
      const found = await sizeAndTime(file)
      return found !== undefined && clock.now() - found.mtimeMs >= limitMs
    }
    if (used.has(name) || isBusy(name.slice(0, 40))) {
      counts.used += 1
      if (!dryRun) await touch(file, clock)
    } else if (!(await isOld())) counts.young += 1
    else {
      log.info({ image: name, dryRun }, 'an image that no guest needs any more goes')
      if (dryRun || (await remove(ageing, name, isOld))) counts.removed += 1
      else counts.used += 1
    }
  }
  return { ...counts, leftovers }
}
