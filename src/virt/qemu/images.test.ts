import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { silentLog } from '#lib/log.ts'
import type { Image } from '#model/image/index.ts'
import { GuestRefused, SpawnFailed } from '#virt/port.ts'
import { flavor, imageOf, sourceOf } from '../../../test/contract/virt-driver.ts'
import { checkFits, makeRootDisk } from './disks.ts'
import { createImageCache, type ImageCache } from './images.ts'
import { createTools } from './tools.ts'

const tools = createTools()
const never = new AbortController().signal

const cacheIn = (instancesDir: string, baseDir: string): ImageCache =>
  createImageCache({ instancesDir, baseDir, tools, clock: systemClock, log: silentLog })

/** A folder with an empty cache, and qemu-img to make images with. */
async function withCache(
  body: (kit: {
    cache: ImageCache
    base: string
    make: (name: string, ...args: string[]) => Promise<Buffer>
    dir: string
  }) => Promise<void>,
) {
  const dir = await mkdtemp(join(tmpdir(), 'kn-images-'))
  const base = await mkdtemp(join(dir, 'base-'))
  const make = async (name: string, ...args: string[]) => {
    const words = args.map((arg) => arg.replace('%', join(dir, name)))
    await tools.run('qemu-img', words)
    return readFile(join(dir, name))
  }
  try {
    await body({ cache: cacheIn(dir, base), base, make, dir })
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const fetchOf = (cache: ImageCache, bytes: Buffer, change: Partial<Image>) =>
  cache.fetch(imageOf(bytes, change), sourceOf(bytes), never)

async function refused(cache: ImageCache, base: string, bytes: Buffer, diskFormat: string, reason: RegExp) {
  await assert.rejects(fetchOf(cache, bytes, { diskFormat }), (error: Error) => {
    assert.ok(error instanceof GuestRefused, String(error))
    assert.match(error.message, reason)
    return true
  })
  assert.deepEqual(await readdir(base), [], 'nothing is kept of a refused image')
}

test('qcow2 and raw images are kept as they are, VMDKs that hold their own data become qcow2', async () => {
  await withCache(async ({ cache, make, dir }) => {
    const qcow2 = await fetchOf(cache, await make('a', 'create', '-f', 'qcow2', '%', '10M'), {
      diskFormat: 'qcow2',
    })
    assert.deepEqual([qcow2.format, qcow2.virtualSize], ['qcow2', 10 * 2 ** 20])
    const raw = await fetchOf(cache, randomBytes(1000), { diskFormat: 'raw' })
    assert.deepEqual([raw.format, raw.virtualSize, (await stat(raw.file)).size], ['raw', 1000, 1000])
    await make('disk.raw', 'create', '-f', 'raw', '%', '2M')
    for (const subformat of ['monolithicSparse', 'streamOptimized']) {
      const bytes = await make(
        subformat,
        'convert',
        '-f',
        'raw',
        '-O',
        'vmdk',
        '-o',
        `subformat=${subformat}`,
        join(dir, 'disk.raw'),
        '%',
      )
      const vmdk = await fetchOf(cache, bytes, { diskFormat: 'vmdk' })
      assert.deepEqual([vmdk.format, vmdk.virtualSize], ['qcow2', 2 * 2 ** 20])
    }
  })
})

test('an image that points at another file is refused (CVE-2011-3147, CVE-2024-32498)', async () => {
  await withCache(async ({ cache, base, make, dir }) => {
    const backed = await make('b', 'create', '-f', 'qcow2', '-u', '-F', 'raw', '-b', '/etc/passwd', '%', '1M')
    await refused(cache, base, backed, 'qcow2', /it has a backing file/)
    const external = await make(
      'd',
      'create',
      '-f',
      'qcow2',
      '-o',
      `data_file=${dir}/secret.raw,data_file_raw=on`,
      '%',
      '1M',
    )
    await refused(cache, base, external, 'qcow2', /it has an external data file/)
    const flat = await make('f', 'create', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', '%', '1M')
    await refused(cache, base, flat, 'vmdk', /without data of its own/)
    const split = await make('s', 'create', '-f', 'vmdk', '-o', 'subformat=twoGbMaxExtentSparse', '%', '1M')
    await refused(cache, base, split, 'vmdk', /without data of its own/)
  })
})

test('a sparse VMDK whose descriptor was turned to a host file is refused', async () => {
  await withCache(async ({ cache, base, make }) => {
    const own = await make('v', 'create', '-f', 'vmdk', '-o', 'subformat=monolithicSparse', '%', '1M')
    const at = own.indexOf('RW ')
    const line = 'RW 2048 FLAT "/etc/passwd" 0\n'
    const turned = Buffer.from(own)
    turned.fill(0x20, at, own.indexOf('\n', at))
    turned.write(line, at, 'latin1')
    await refused(cache, base, turned, 'vmdk', /its extents are not in one file/)
    const typed = Buffer.from(
      own.toString('latin1').replace('monolithicSparse', 'monolithicFlat  '),
      'latin1',
    )
    await refused(cache, base, typed, 'vmdk', /VMDK type .* is not allowed/)
  })
})

test('an image that is not what it is called is refused (CVE-2024-40767)', async () => {
  await withCache(async ({ cache, base, make }) => {
    const qcow2 = await make('q', 'create', '-f', 'qcow2', '%', '1M')
    await refused(cache, base, qcow2, 'raw', /does not match disk_format: it is qcow2, not raw/)
    await refused(cache, base, Buffer.alloc(4096), 'qcow2', /it is raw, not qcow2/)
    for (const format of ['vmdk', 'vdi', 'vpc', 'vhdx', 'qed']) {
      const bytes = await make(format, 'create', '-f', format, '%', '2M')
      await refused(cache, base, bytes, 'raw', /does not match disk_format/)
    }
    await refused(cache, base, qcow2, 'vdi', /disk format 'vdi' is not supported/)
    await refused(
      cache,
      base,
      Buffer.from('# Disk DescriptorFile\nversion=1\nRW 1 FLAT "/etc/shadow" 0\n'),
      'raw',
      /it is vmdk, not raw/,
    )
  })
})

test('broken, encrypted and unknown qcow2 headers are refused', async () => {
  await withCache(async ({ cache, base, make }) => {
    const good = await make('g', 'create', '-f', 'qcow2', '%', '1M')
    const changed = (write: (header: Buffer) => void) => {
      const copy = Buffer.from(good)
      write(copy)
      return copy
    }
    await refused(cache, base, good.subarray(0, 90), 'qcow2', /cut short/)
    await refused(
      cache,
      base,
      changed((header) => header.writeUInt32BE(7, 4)),
      'qcow2',
      /version is 7/,
    )
    await refused(
      cache,
      base,
      changed((header) => header.writeUInt32BE(1, 32)),
      'qcow2',
      /encrypted/,
    )
    await refused(
      cache,
      base,
      changed((header) => header.writeBigUInt64BE(1n << 40n, 72)),
      'qcow2',
      /unknown qcow2 features/,
    )
    await refused(
      cache,
      base,
      changed((header) => header.writeBigUInt64BE(1n << 62n, 24)),
      'qcow2',
      /unacceptable/,
    )
  })
})

test('what Glance says of hash and size must be so; a bad download is never kept', async () => {
  await withCache(async ({ cache, base }) => {
    const bytes = randomBytes(5000)
    const sha512 = createHash('sha512').update(bytes).digest('hex')
    const wrong = [
      { osHashAlgo: 'sha512', osHashValue: sha512.replace(/^./, 'x') },
      { checksum: 'd41d8cd98f00b204e9800998ecf8427e' },
      { size: 4999 },
      { size: 5001 },
    ]
    for (const change of wrong) await assert.rejects(fetchOf(cache, bytes, change), SpawnFailed)
    assert.deepEqual(await readdir(base), [])
    const whole = await fetchOf(cache, bytes, { osHashAlgo: 'sha512', osHashValue: sha512 })
    assert.equal(whole.virtualSize, 5000)
  })
})

test('guests that start together share one download, and a later one needs none', async () => {
  await withCache(async ({ cache, base, dir }) => {
    const bytes = randomBytes(100_000)
    const image = imageOf(bytes)
    let downloads = 0
    const counting = { open: async () => (downloads++, Readable.from([bytes])) }
    const gaveUp = new AbortController()
    const impatient = assert.rejects(cache.fetch(image, counting, gaveUp.signal), /no longer wanted/)
    const others = [1, 2, 3].map(() => cache.fetch(image, counting, never))
    gaveUp.abort(new Error('no longer wanted'))
    await impatient
    const [one, two] = await Promise.all(others)
    assert.deepEqual(one, two)
    const later = cacheIn(dir, base)
    assert.deepEqual(await later.fetch(image, counting, never), one)
    assert.equal(downloads, 1)
  })
})

test('a failed download can be tried again, and its remains go at the next start', async () => {
  await withCache(async ({ cache, base }) => {
    const bytes = randomBytes(100)
    const image = imageOf(bytes)
    const broken = {
      open: async () =>
        Readable.from(
          (async function* () {
            yield bytes.subarray(0, 10)
            throw new Error('line cut')
          })(),
        ),
    }
    await assert.rejects(cache.fetch(image, broken, never), /line cut/)
    assert.equal((await cache.fetch(image, sourceOf(bytes), never)).virtualSize, 100)
    await writeFile(join(base, 'x.part'), 'left by a crash')
    await cache.open()
    assert.ok(!(await readdir(base)).includes('x.part'))
  })
})

test("an image larger than the flavor's disk is refused in Nova's words (CVE-2013-2096)", async () => {
  await withCache(async ({ cache, make, dir }) => {
    const huge = await fetchOf(cache, await make('h', 'create', '-f', 'qcow2', '%', '2G'), {
      diskFormat: 'qcow2',
    })
    const message =
      "Flavor's disk is too small for requested image. Flavor disk is 1073741824 bytes, image is 2147483648 bytes."
    await assert.rejects(makeRootDisk(dir, flavor, huge, tools), { name: 'GuestRefused', message })
    checkFits({ ...flavor, rootGb: 0 }, 2 ** 50)
    checkFits({ ...flavor, rootGb: 2 }, 2 ** 31)
  })
})

test("the root disk is as large as the flavor says and names its base's format", async () => {
  await withCache(async ({ cache, make, dir }) => {
    const base = await fetchOf(cache, await make('o', 'create', '-f', 'qcow2', '%', '10M'), {
      diskFormat: 'qcow2',
    })
    const disk = await makeRootDisk(dir, flavor, base, tools)
    const info = JSON.parse(
      await tools.run('qemu-img', ['info', '--output=json', '-f', 'qcow2', disk.file]),
    ) as Record<string, unknown>
    assert.equal(info['virtual-size'], 2 ** 30)
    assert.equal(info['backing-filename'], base.file)
    assert.equal(info['backing-filename-format'], 'qcow2')
  })
})
