/**
 * What an image's first bytes say it is, whether that is what was claimed, and whether it refers to
 * other files: an image that names a backing file would show its user the host's own files.
 */

/** As many of the first bytes as are needed to tell: an ISO's mark stands at 32 KiB. */
export const HEAD_BYTES = 64 * 1024

export const DISK_FORMATS = [
  'ami',
  'ari',
  'aki',
  'vhd',
  'vhdx',
  'vmdk',
  'raw',
  'qcow2',
  'vdi',
  'iso',
  'ploop',
] as const
export const CONTAINER_FORMATS = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] as const

export interface Inspection {
  /** What the bytes are; `raw` when they are nothing that is known. */
  readonly format: string
  /** Bytes of the disk inside, where the header says. */
  readonly virtualSize: number | undefined
  /** Why nobody should open it. */
  readonly danger: string | undefined
}

interface Format {
  readonly name: string
  matches(head: Buffer): boolean
  virtualSize?(head: Buffer): number | undefined
  danger?(head: Buffer): string | undefined
}

const startsWith = (head: Buffer, mark: string | Buffer, at = 0): boolean => {
  const bytes = typeof mark === 'string' ? Buffer.from(mark, 'latin1') : mark
  return head.subarray(at, at + bytes.length).equals(bytes)
}
/** A big number of a header, undefined when it is beyond the header's end or beyond counting. */
function count(head: Buffer, at: number, endian: 'big' | 'little'): number | undefined {
  if (head.length < at + 8) return undefined
  const value = endian === 'big' ? head.readBigUInt64BE(at) : head.readBigUInt64LE(at)
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined
}

const QCOW2_HEADER = 72
/** Dirty, corrupt, (external data file), compression type, extended L2: those that need no other file. */
const QCOW2_KNOWN_FEATURES = 0b1_1011n
const QCOW2_DATA_FILE = 0b100n

function qcow2Danger(head: Buffer): string | undefined {
  if (head.length < QCOW2_HEADER) return 'its qcow2 header is cut off'
  const version = head.readUInt32BE(4)
  if (version !== 2 && version !== 3) return `qcow2 version ${version} is not known`
  if (head.readBigUInt64BE(8) !== 0n) return 'it names a backing file'
  if (version === 2) return undefined
  if (head.length < QCOW2_HEADER + 32) return 'its qcow2 header is cut off'
  const features = head.readBigUInt64BE(72)
  if ((features & QCOW2_DATA_FILE) !== 0n) return 'it names a data file'
  return (features & ~(QCOW2_KNOWN_FEATURES | QCOW2_DATA_FILE)) === 0n
    ? undefined
    : 'it has features that are not known'
}

const SECTOR = 512
const SAFE_VMDK_TYPES = new Set(['monolithicSparse', 'streamOptimized'])

function vmdkDanger(head: Buffer): string | undefined {
  if (!startsWith(head, 'KDMV')) return 'a VMDK descriptor alone refers to other files'
  const at = (count(head, 28, 'little') ?? 0) * SECTOR
  const length = (count(head, 36, 'little') ?? 0) * SECTOR
  if (at === 0 || length === 0 || at + length > head.length)
    return 'its VMDK descriptor is not where it can be read'
  const descriptor = head.toString('latin1', at, at + length)
  const type = /^createType\s*=\s*"([^"]*)"/im.exec(descriptor)?.[1]
  if (type === undefined || !SAFE_VMDK_TYPES.has(type))
    return `VMDK of type ${type ?? 'unknown'} is not allowed`
  const extents = descriptor.match(/^\s*(?:RW|RDONLY|NOACCESS)\s+\d+\s+\S+.*$/gim) ?? []
  const safe = extents.every((line) => /^\s*RW\s+\d+\s+SPARSE\s+"[^"/\\]*"\s*$/i.test(line))
  return extents.length === 1 && safe ? undefined : 'its VMDK descriptor refers to other files'
}

/** The first that matches is what it is. */
const FORMATS: readonly Format[] = [
  {
    name: 'qcow2',
    matches: (head) => startsWith(head, 'QFI\xfb'),
    virtualSize: (head) => count(head, 24, 'big'),
    danger: qcow2Danger,
  },
  { name: 'qed', matches: (head) => startsWith(head, 'QED\0'), danger: () => 'QED images are not allowed' },
  {
    name: 'vmdk',
    matches: (head) =>
      startsWith(head, 'KDMV') || startsWith(head, 'COWD') || startsWith(head, '# Disk DescriptorFile'),
    virtualSize: (head) => (count(head, 12, 'little') ?? 0) * SECTOR || undefined,
    danger: vmdkDanger,
  },
  { name: 'vhdx', matches: (head) => startsWith(head, 'vhdxfile') },
  {
    name: 'vhd',
    matches: (head) => startsWith(head, 'conectix'),
    virtualSize: (head) => count(head, 48, 'big'),
  },
  {
    name: 'vdi',
    matches: (head) => startsWith(head, Buffer.from([0x7f, 0x10, 0xda, 0xbe]), 64),
    virtualSize: (head) => count(head, 0x170, 'little'),
  },
  { name: 'luks', matches: (head) => startsWith(head, Buffer.from('LUKS\xba\xbe', 'latin1')) },
  { name: 'iso', matches: (head) => startsWith(head, 'CD001', 0x8001) },
]

/** Looks at the head of an image: its first `HEAD_BYTES`, or all of it when it is shorter. */
export function inspect(head: Buffer): Inspection {
  const format = FORMATS.find((each) => each.matches(head))
  return {
    format: format?.name ?? 'raw',
    virtualSize: format?.virtualSize?.(head),
    danger: format?.danger?.(head),
  }
}

/** What else, beside itself, a claimed format may turn out to be. A fixed VHD has its mark at the end only. */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  raw: ['iso'],
  vhd: ['raw'],
  ploop: ['raw'],
  ami: ['raw'],
  ari: ['raw'],
  aki: ['raw'],
}

/** Why an image with this head must not be taken for the claimed format; undefined when it may. */
export function refusalOf(found: Inspection, claimed: string): string | undefined {
  if (found.format !== claimed && !ALSO[claimed]?.includes(found.format)) {
    return `Image content is ${found.format}, which does not match its disk_format ${claimed}.`
  }
  return found.danger === undefined ? undefined : `Image content is refused: ${found.danger}.`
}
