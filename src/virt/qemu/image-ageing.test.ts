import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { silentLog } from '#lib/log.ts'
import type { AgedImages } from '#virt/port.ts'
import { flavor, imageOf, sourceOf } from '../../../test/contract/virt-driver.ts'
import { makeRootDisk } from './disks.ts'
import { type Ageing, ageImages } from './image-ageing.ts'
import { type BaseImage, createImageCache, type ImageCache } from './images.ts'
import { createTools } from './tools.ts'

const tools = createTools()
const never = new AbortController().signal
const HOUR_MS = 3_600_000
const ages = { unusedMs: 24 * HOUR_MS, unusedResizedMs: HOUR_MS, dryRun: false }
const nothing: AgedImages = { used: 0, young: 0, removed: 0, leftovers: 0 }

interface Kit {
  readonly cache: ImageCache
  readonly instances: string
  readonly base: string
  /** An image in the cache, not used for so long. */
  cached(hoursAgo: number, change?: Parameters<typeof imageOf>[1]): Promise<BaseImage>
  /** A guest's folder of this name, its disk on the image. */
  guest(folder: string, image: BaseImage): Promise<string>
  /** The images' files that are there. */
  images(): Promise<string[]>
}

async function old(path: string, hoursAgo: number): Promise<void> {
  const then = new Date(Date.now() - hoursAgo * HOUR_MS)
  await utimes(path, then, then)
}

async function withImages(body: (kit: Kit) => Promise<void>): Promise<void> {
  const instances = await mkdtemp(join(tmpdir(), 'kn-ageing-'))
  const base = join(instances, '_base')
  await mkdir(base)
  const cache = createImageCache({
    baseDir: base,
    instancesDir: instances,
    tools,
    clock: systemClock,
    log: silentLog,
  })
  try {
    await body({
      cache,
      instances,
      base,
      async cached(hoursAgo, change) {
        const image = imageOf(Buffer.alloc(4096, 7), change)
        const made = await cache.fetch(image, sourceOf(Buffer.alloc(4096, 7)), never)
        await old(made.file, hoursAgo)
        return made
      },
      async guest(folder, image) {
        const dir = join(instances, folder)
        await mkdir(dir)
        return (await makeRootDisk(dir, flavor, image, tools)).file
      },
      images: async () => (await readdir(base)).filter((name) => !name.includes('.')).toSorted(),
    })
  } finally {
    await rm(instances, { recursive: true, force: true })
  }
}

test('an image goes when no disk stands on it and it is old enough, with its note; a young one stays', async () => {
  await withImages(async ({ cache, base, cached }) => {
    await cached(25)
    const young = await cached(23)
    assert.deepEqual(await cache.age(ages), { ...nothing, young: 1, removed: 1 })
    assert.deepEqual((await readdir(base)).toSorted(), [basename(young.file), `${basename(young.file)}.json`])
  })
})

test('every disk counts, whoever knows of it: stopped, in quarantine, named relatively, beneath another disk, in a record', async () => {
  await withImages(async ({ cache, instances, cached, guest, images }) => {
    const bases = await Promise.all([1, 2, 3, 4, 5].map(() => cached(1000)))
    const [stopped, aside, relative, deep, recorded] = bases
    assert.ok(stopped && aside && relative && deep && recorded)
    await guest('8a5e1b6e-0000-4000-8000-000000000001', stopped)
    await guest('8a5e1b6e-0000-4000-8000-000000000002.quarantine', aside)
    const third = join(instances, '8a5e1b6e-0000-4000-8000-000000000003')
    await mkdir(third)
    const name = `../_base/${basename(relative.file)}`
    await tools.run('qemu-img', [
      'create',
      '-q',
      '-u',
      '-f',
      'qcow2',
      '-F',
      'raw',
      '-b',
      name,
      join(third, 'disk'),
      '1M',
    ])
    // A middle layer that lies elsewhere, and is found by following the chain.
    const elsewhere = await mkdtemp(join(tmpdir(), 'kn-layer-'))
    const layer = (await makeRootDisk(elsewhere, flavor, deep, tools)).file
    const fourth = join(instances, '8a5e1b6e-0000-4000-8000-000000000004')
    await mkdir(fourth)
    await tools.run('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-F',
      'qcow2',
      '-b',
      layer,
      join(fourth, 'disk.rescue'),
    ])
    const fifth = join(instances, '8a5e1b6e-0000-4000-8000-000000000005')
    await mkdir(fifth)
    await writeFile(
      join(fifth, 'guest.json'),
      JSON.stringify({ disks: [{ backing: { file: recorded.file } }] }),
    )

    assert.deepEqual(await cache.age(ages), { ...nothing, used: 5 })
    assert.equal((await images()).length, 5)
    await rm(elsewhere, { recursive: true })
    await rm(fourth, { recursive: true })
    // Its age begins when the last disk has gone, not when it was fetched.
    assert.deepEqual(await cache.age(ages), { ...nothing, used: 4, young: 1 })
    await old(deep.file, 25)
    assert.deepEqual(await cache.age(ages), { ...nothing, used: 4, removed: 1 })
  })
})

test('a dry run says what would go, and touches nothing', async () => {
  await withImages(async ({ cache, base, cached }) => {
    const { file } = await cached(25)
    await writeFile(join(base, 'x.part'), '')
    await old(join(base, 'x.part'), 2)
    const before = [await readdir(base), (await stat(file)).mtimeMs]
    assert.deepEqual(await cache.age({ ...ages, dryRun: true }), { ...nothing, removed: 1, leftovers: 1 })
    assert.deepEqual([await readdir(base), (await stat(file)).mtimeMs], before)
  })
})

test('never anything else: other files, downloads under way; what is left of a dead download goes, and larger copies by their own age', async () => {
  await withImages(async ({ cache, base, images }) => {
    const key = 'a'.repeat(40)
    const files = [
      'notes.txt',
      'ephemeral_1_0706d66',
      `${key}.json.bak`,
      'live.part',
      'dead.part',
      `${key}_20`,
      key,
    ]
    for (const name of files) {
      await writeFile(join(base, name), '')
      await old(join(base, name), name === 'live.part' ? 0 : 3)
    }
    assert.deepEqual(await cache.age(ages), { ...nothing, young: 1, removed: 1, leftovers: 1 })
    const stay = files.filter((name) => name !== 'dead.part' && name !== `${key}_20`)
    assert.deepEqual((await readdir(base)).toSorted(), stay.toSorted())
    assert.ok((await images()).includes(key))
  })
})

test('a disk that cannot be read stops it all: nothing is known then', async () => {
  await withImages(async ({ cache, instances, cached, images }) => {
    await cached(1000)
    const dir = join(instances, '8a5e1b6e-0000-4000-8000-000000000001')
    await mkdir(dir)
    await symlink('disk', join(dir, 'disk'))
    await assert.rejects(cache.age(ages), { code: 'ELOOP' })
    assert.equal((await images()).length, 1)
  })
})

test('a build holds its image from before the download until its disk stands on it, whatever the age', async () => {
  await withImages(async ({ cache, cached, guest, images }) => {
    const image = imageOf(Buffer.alloc(4096, 7))
    const source = sourceOf(Buffer.alloc(4096, 7))
    await cached(25, { id: image.id })
    const atOnce = { ...ages, unusedMs: 0 }
    await cache.use(image, source, never, async (base) => {
      assert.deepEqual(await cache.age(atOnce), { ...nothing, used: 1 })
      await guest('8a5e1b6e-0000-4000-8000-000000000001', base)
    })
    await old(join((await cache.fetch(image, source, never)).file), 25)
    assert.deepEqual(await cache.age(atOnce), { ...nothing, used: 1 })
    assert.equal((await images()).length, 1)
  })
})

test('builds and removals of one image at the same time: every disk has its base', async () => {
  await withImages(async ({ cache, guest, images }) => {
    const image = imageOf(Buffer.alloc(4096, 7))
    const source = sourceOf(Buffer.alloc(4096, 7))
    const atOnce = { ...ages, unusedMs: 0 }
    const built = new AbortController()
    const build = async (worker: number) => {
      for (let n = 0; n < 4; n++) {
        const folder = `8a5e1b6e-0000-4000-8000-00000000000${worker}`
        const disk = await cache.use(image, source, never, (base) => guest(folder, base))
        await tools.run('qemu-img', ['info', '--backing-chain', disk])
        await rm(join(disk, '..'), { recursive: true })
        await cache.age(atOnce)
      }
    }
    const remove = async () => {
      while (!built.signal.aborted) await cache.age(atOnce)
    }
    const building = Promise.all([build(1), build(2), build(3)]).finally(() => built.abort())
    await Promise.all([remove(), building])
    await cache.age(atOnce)
    assert.deepEqual(await images(), [])
  })
})

test('a disk that appears after the first look, made by another process, has its base again', async () => {
  await withImages(async ({ base, instances, cached, guest, images }) => {
    const image = await cached(25)
    const disk = await guest('later', image)
    const elsewhere = await mkdtemp(join(tmpdir(), 'kn-later-'))
    await rename(join(instances, 'later'), join(elsewhere, 'later'))
    const ageing: Ageing = {
      baseDir: base,
      instancesDir: instances,
      clock: systemClock,
      log: silentLog,
      isBusy: () => false,
      async exclusively(_key, work) {
        await rename(join(elsewhere, 'later'), join(instances, 'later'))
        await work()
      },
    }
    assert.deepEqual(await ageImages(ageing, ages), { ...nothing, used: 1 })
    assert.equal((await images()).length, 1)
    await tools.run('qemu-img', ['info', '--backing-chain', disk])
    await rm(elsewhere, { recursive: true })
  })
})

test('what a crash left set aside is put back at the next start: a disk may stand on it', async () => {
  await withImages(async ({ cache, cached, guest, images }) => {
    const image = await cached(25)
    const disk = await guest('8a5e1b6e-0000-4000-8000-000000000001', image)
    await rename(image.file, `${image.file}.aside`)
    await cache.open()
    assert.deepEqual(await images(), [basename(image.file)])
    await tools.run('qemu-img', ['info', '--backing-chain', disk])
  })
})
