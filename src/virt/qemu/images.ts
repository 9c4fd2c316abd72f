/**
 * The image cache: `<state>/instances/_base/<sha1>`, each a verified disk that overlays stand on. An image
 * is downloaded once however many guests wait for it, checked against Glance's hash and size,
 * inspected by our own code and then by qemu-img with the format named, never probed.
 */
import { unlessAborted } from '#lib/abort.ts'
import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '#lib/clock.ts'
import { createKeyedLock } from '#lib/keyed-lock.ts'
import type { Log } from '#lib/log.ts'
import type { Image } from '#model/image/index.ts'
import { type AgedImages, GuestRefused, type ImageAges, type ImageSource, SpawnFailed } from '#virt/port.ts'
import { ageImages, PART, restoreAsides } from './image-ageing.ts'
import { inspectImage } from './image-format.ts'
import type { Tools } from './tools.ts'

export interface BaseImage {
  readonly file: string
  readonly format: 'qcow2' | 'raw'
  /** Bytes. */
  readonly virtualSize: number
}

export interface ImageCache {
  /** Removes what unfinished downloads left. */
  open(): Promise<void>
  /**
   * The image as a disk to stand on; it stays as long as `work` takes, and afterwards as long as a disk stands on it.
   * `GuestRefused` when the image may never be used.
   */
  use<T>(
    image: Image,
    source: ImageSource,
    signal: AbortSignal,
    work: (base: BaseImage) => Promise<T>,
  ): Promise<T>
  /** The image for later. */
  fetch(image: Image, source: ImageSource, signal: AbortSignal): Promise<BaseImage>
  /** Removes images that no disk has stood on for so long. Throws, with nothing removed, when a disk cannot be read. */
  age(ages: ImageAges): Promise<AgedImages>
  /** Ends running downloads. */
  close(): Promise<void>
}

/** What Glance's names for formats mean here. Everything else is refused. */
const FORMATS: Readonly<Record<string, 'raw' | 'qcow2' | 'vmdk'>> = {
  raw: 'raw',
  ami: 'raw',
  qcow2: 'qcow2',
  vmdk: 'vmdk',
}

const HASHES: ReadonlySet<string> = new Set(['md5', 'sha1', 'sha256', 'sha384', 'sha512'])
/** Nova's limits for qemu-img on untrusted files: 1 GiB of memory, 30 s of CPU. */
const QEMU_IMG_LIMITS = ['--as=1073741824', '--cpu=30'] as const
const CONVERT_TIMEOUT_MS = 30 * 60_000

interface Expected {
  readonly algorithm: string
  readonly digest: string
}

function expectedHash(image: Image): Expected | undefined {
  const { osHashAlgo, osHashValue, checksum } = image
  if (osHashAlgo !== null && osHashValue !== null && HASHES.has(osHashAlgo))
    return { algorithm: osHashAlgo, digest: osHashValue }
  return checksum === null ? undefined : { algorithm: 'md5', digest: checksum }
}

const cacheKey = (image: Image): string =>
  createHash('sha1')
    .update(`${image.id}:${image.osHashValue ?? image.checksum ?? ''}`)
    .digest('hex')

/** Stops a stream that brings more than it announced. */
function atMost(bytes: number | null, onChunk: (chunk: Buffer) => void): Transform {
  let seen = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length
      if (bytes !== null && seen > bytes) return done(new SpawnFailed('The image is longer than Glance says'))
      onChunk(chunk)
      done(null, chunk)
    },
    flush: (done) =>
      done(bytes !== null && seen < bytes ? new SpawnFailed('The image is shorter than Glance says') : null),
  })
}

async function download(image: Image, body: Readable, path: string, signal: AbortSignal): Promise<void> {
  const expected = expectedHash(image)
  const hash = createHash(expected?.algorithm ?? 'md5')
  await pipeline(
    body,
    atMost(image.size, (chunk) => hash.update(chunk)),
    createWriteStream(path, { mode: 0o600 }),
    { signal },
  )
  if (expected && hash.digest('hex') !== expected.digest) {
    throw new SpawnFailed(
      `The downloaded image ${image.id} does not have the ${expected.algorithm} hash that Glance says`,
    )
  }
}

const unacceptable = (image: Image, reason: string) =>
  new GuestRefused(`Image ${image.id} is unacceptable: ${reason}`)

/** Our own look at the bytes, compared with what Glance calls them. */
async function inspect(
  image: Image,
  path: string,
): Promise<{ format: 'raw' | 'qcow2' | 'vmdk'; virtualSize: number }> {
  const declared = FORMATS[image.diskFormat ?? '']
  if (!declared)
    throw unacceptable(image, `disk format '${image.diskFormat ?? 'none'}' is not supported on this host`)
  const facts = await inspectImage(path)
  if (facts.format !== declared)
    throw unacceptable(
      image,
      `Image content does not match disk_format: it is ${facts.format}, not ${declared}`,
    )
  if (facts.problem !== undefined) throw unacceptable(image, facts.problem)
  if (facts.virtualSize === undefined) throw unacceptable(image, 'its size is not known')
  return { format: declared, virtualSize: facts.virtualSize }
}

interface QemuImgInfo {
  readonly 'virtual-size'?: number
  readonly 'backing-filename'?: string
  readonly encrypted?: boolean
  readonly 'format-specific'?: {
    readonly data?: {
      readonly 'data-file'?: string
      readonly extents?: readonly { readonly filename?: string }[]
    }
  }
}

/** qemu-img's opinion, within limits of memory and time, must be ours. */
async function confirm(
  image: Image,
  path: string,
  format: string,
  virtualSize: number,
  tools: Tools,
): Promise<void> {
  const qemuImg = await tools.find('qemu-img')
  const text = await tools
    .run('prlimit', [...QEMU_IMG_LIMITS, qemuImg, 'info', '--output=json', '-f', format, path])
    .catch((error: unknown) => {
      throw new GuestRefused(`Image ${image.id} is unacceptable: qemu-img cannot read it`, { cause: error })
    })
  const info = JSON.parse(text) as QemuImgInfo
  const data = info['format-specific']?.data
  if (info['backing-filename'] !== undefined) throw unacceptable(image, 'it has a backing file')
  if (data?.['data-file'] !== undefined) throw unacceptable(image, 'it has an external data file')
  if (info.encrypted === true) throw unacceptable(image, 'it is encrypted')
  if (data?.extents?.some((extent) => extent.filename !== path))
    throw unacceptable(image, 'its extents are not in one file')
  // A raw image is rounded up to whole sectors.
  if (Math.ceil(virtualSize / 512) * 512 !== info['virtual-size'])
    throw unacceptable(image, 'its size is not what its header says')
}

export interface ImageCacheDeps {
  /** Where the images are. */
  readonly baseDir: string
  /** Where the disks are that may stand on them. */
  readonly instancesDir: string
  readonly tools: Tools
  readonly clock: Clock
  readonly log: Log
}

export function createImageCache(deps: ImageCacheDeps): ImageCache {
  const { baseDir, tools, clock, log } = deps
  const running = new Map<string, Promise<BaseImage>>()
  const stopping = new AbortController()
  /** Of one image, either a copy is looked for and made, or it is removed. */
  const locks = createKeyedLock()
  /** How many are at work with an image that no disk of theirs may stand on yet. */
  const users = new Map<string, number>()

  const known = async (key: string): Promise<BaseImage | undefined> => {
    const file = join(baseDir, key)
    const note = await readFile(`${file}.json`, 'utf8').catch(() => undefined)
    const isThere = await stat(file).then(
      () => true,
      () => false,
    )
    return note === undefined || !isThere
      ? undefined
      : { ...(JSON.parse(note) as Omit<BaseImage, 'file'>), file }
  }
  /** The note is written last: a disk without one is no base. */
  const keep = async (key: string, part: string, base: Omit<BaseImage, 'file'>): Promise<BaseImage> => {
    const file = join(baseDir, key)
    await rename(part, file)
    await writeFile(join(baseDir, `${key}${PART}`), JSON.stringify(base))
    await rename(join(baseDir, `${key}${PART}`), join(baseDir, `${key}.json`))
    return { ...base, file }
  }
  const make = async (image: Image, key: string, source: ImageSource): Promise<BaseImage> => {
    const part = join(baseDir, `${key}.${randomUUID()}${PART}`)
    const converted = `${part}.qcow2${PART}`
    try {
      log.info({ image: image.id, size: image.size }, 'downloading an image')
      await download(image, await source.open(image.id), part, stopping.signal)
      const { format, virtualSize } = await inspect(image, part)
      await confirm(image, part, format, virtualSize, tools)
      if (format !== 'vmdk') return await keep(key, part, { format, virtualSize })
      await tools.run('qemu-img', ['convert', '-f', format, '-O', 'qcow2', part, converted], {
        timeoutMs: CONVERT_TIMEOUT_MS,
      })
      return await keep(key, converted, { format: 'qcow2', virtualSize })
    } finally {
      await rm(part, { force: true })
      await rm(converted, { force: true })
    }
  }
  const fetchOnce = async (image: Image, key: string, source: ImageSource) => {
    const base = await known(key)
    if (!base) return make(image, key, source)
    // Its age begins anew.
    const now = new Date(clock.now())
    await utimes(base.file, now, now)
    return base
  }
  const fetch = (image: Image, source: ImageSource, signal: AbortSignal): Promise<BaseImage> => {
    const key = cacheKey(image)
    let fetching = running.get(key)
    if (!fetching) {
      fetching = locks.run(key, () => fetchOnce(image, key, source)).finally(() => running.delete(key))
      // Whoever waits hears of a failure; when nobody waits any more, it only ends here.
      fetching.catch(() => undefined)
      running.set(key, fetching)
    }
    return unlessAborted(signal, fetching)
  }

  return {
    async open() {
      await restoreAsides(baseDir)
      for (const name of await readdir(baseDir))
        if (name.endsWith(PART)) await rm(join(baseDir, name), { force: true })
    },
    fetch,
    async use(image, source, signal, work) {
      const key = cacheKey(image)
      users.set(key, (users.get(key) ?? 0) + 1)
      try {
        return await work(await fetch(image, source, signal))
      } finally {
        const left = (users.get(key) ?? 1) - 1
        if (left === 0) users.delete(key)
        else users.set(key, left)
      }
    },
    age: (ages) =>
      ageImages(
        { ...deps, isBusy: (key) => users.has(key) || running.has(key), exclusively: locks.run },
        ages,
      ),
    async close() {
      stopping.abort(new SpawnFailed('The compute service stops'))
      await Promise.allSettled(running.values())
    },
  }
}
