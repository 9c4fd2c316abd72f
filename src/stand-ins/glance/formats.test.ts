/** What the first bytes tell: known formats by hand-made headers, dangers refused, any bytes survived. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { DISK_FORMATS, inspect, refusalOf } from './formats.ts'

interface Qcow2 {
  version?: number
  backingAt?: bigint
  features?: bigint
  length?: number
}

function qcow2({ version = 3, backingAt = 0n, features = 0n, length = 512 }: Qcow2 = {}): Buffer {
  const head = Buffer.alloc(512)
  head.write('QFI\xfb', 'latin1')
  head.writeUInt32BE(version, 4)
  head.writeBigUInt64BE(backingAt, 8)
  head.writeBigUInt64BE(64n << 20n, 24)
  head.writeBigUInt64BE(features, 72)
  return head.subarray(0, length)
}

function vmdk(descriptor: string, descriptorSector = 1n): Buffer {
  const head = Buffer.alloc(4096)
  head.write('KDMV', 'latin1')
  head.writeBigUInt64LE(2048n, 12)
  head.writeBigUInt64LE(descriptorSector, 28)
  head.writeBigUInt64LE(2n, 36)
  head.write(descriptor, 512, 'latin1')
  return head
}
const sparse = '# Disk DescriptorFile\ncreateType="monolithicSparse"\nRW 2048 SPARSE "disk.vmdk"\n'

test('what refers to other files is refused, what does not is taken with its size', () => {
  const table: [string, Buffer, string, RegExp | undefined][] = [
    ['plain qcow2', qcow2(), 'qcow2', undefined],
    ['old qcow2', qcow2({ version: 2 }), 'qcow2', undefined],
    ['compressed, with extended entries', qcow2({ features: 0b11000n }), 'qcow2', undefined],
    ['backing file', qcow2({ backingAt: 104n }), 'qcow2', /backing file/],
    ['old with backing file', qcow2({ version: 2, backingAt: 104n }), 'qcow2', /backing file/],
    ['data file', qcow2({ features: 0b100n }), 'qcow2', /data file/],
    ['features of tomorrow', qcow2({ features: 1n << 63n }), 'qcow2', /not known/],
    ['cut off', qcow2({ length: 80 }), 'qcow2', /cut off/],
    ['qcow', qcow2({ version: 1 }), 'qcow2', /version 1/],
    ['qcow2 said to be raw', qcow2(), 'raw', /is qcow2, which does not match/],
    ['raw said to be qcow2', Buffer.alloc(512), 'qcow2', /is raw/],
    ['nothing said to be qcow2', Buffer.alloc(0), 'qcow2', /is raw/],
    ['nothing', Buffer.alloc(0), 'raw', undefined],
    ['sparse vmdk', vmdk(sparse), 'vmdk', undefined],
    [
      'vmdk of many files',
      vmdk(sparse.replace('monolithicSparse', 'twoGbMaxExtentSparse')),
      'vmdk',
      /twoGbMaxExtentSparse/,
    ],
    [
      'vmdk over a host file',
      vmdk(sparse.replace('SPARSE "disk.vmdk"', 'FLAT "/etc/passwd" 0')),
      'vmdk',
      /other files/,
    ],
    ['vmdk with a path', vmdk(sparse.replace('disk.vmdk', '../../etc/passwd')), 'vmdk', /other files/],
    ['vmdk with a second extent', vmdk(`${sparse}RW 1 FLAT "/etc/passwd" 0\n`), 'vmdk', /other files/],
    ['vmdk with its descriptor far away', vmdk(sparse, 1n << 40n), 'vmdk', /descriptor/],
    ['vmdk descriptor alone', Buffer.from(sparse), 'vmdk', /other files/],
    ['QED', Buffer.from('QED\0'), 'raw', /is qed/],
    ['LUKS', Buffer.from('LUKS\xba\xbe', 'latin1'), 'raw', /is luks/],
  ]
  for (const [what, head, claimed, expected] of table) {
    const refusal = refusalOf(inspect(head), claimed)
    if (expected === undefined) assert.equal(refusal, undefined, what)
    else assert.match(refusal ?? 'taken', expected, what)
  }
  assert.equal(inspect(qcow2()).virtualSize, 64 * 1024 * 1024)
  assert.equal(inspect(vmdk(sparse)).virtualSize, 1024 * 1024)
})

test('any bytes behind any mark are looked at without a crash', () => {
  const mark = fc.constantFrom(
    'QFI\xfb\0\0\0\x03',
    'KDMV',
    'COWD',
    'vhdxfile',
    'conectix',
    '# Disk DescriptorFile',
    '',
  )
  fc.assert(
    fc.property(
      mark,
      fc.uint8Array({ maxLength: 600 }),
      fc.constantFrom(...DISK_FORMATS),
      (start, rest, claimed) => {
        const found = inspect(Buffer.concat([Buffer.from(start, 'latin1'), rest]))
        const refusal = refusalOf(found, claimed)
        assert.ok(refusal === undefined || refusal.length > 0)
        assert.ok(found.virtualSize === undefined || Number.isSafeInteger(found.virtualSize))
      },
    ),
  )
})
