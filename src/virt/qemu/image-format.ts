/**
 * Looks into an image with our own eyes before any tool opens it: what format its bytes are, how large a
 * disk it claims to be, and whether it points at anything outside itself. A guest's owner wrote these bytes
 * (CVE-2011-3147, CVE-2013-2096, CVE-2024-32498, CVE-2024-40767).
 */
import { open, type FileHandle } from 'node:fs/promises'

export interface ImageFacts {
  /** A name of `SIGNATURES`, or `raw` when nothing is recognised. */
  readonly format: string
  /** Bytes; undefined where the format is not one that we take. */
  readonly virtualSize: number | undefined
  /** Why the image may not be used, if so. */
  readonly problem: string | undefined
}

interface Signature {
  readonly format: string
  /** From the start, or from the end when negative. */
  readonly at: number
  readonly bytes: Buffer
}

const text = (value: string) => Buffer.from(value, 'latin1')

/** How each format is known, whatever the image is called. */
const SIGNATURES: readonly Signature[] = [
  { format: 'qcow2', at: 0, bytes: text('QFI\xfb') },
  { format: 'vmdk', at: 0, bytes: text('KDMV') },
  { format: 'vmdk', at: 0, bytes: text('COWD') },
  { format: 'vmdk', at: 0, bytes: text('# Disk DescriptorFile') },
  { format: 'vhdx', at: 0, bytes: text('vhdxfile') },
  { format: 'vhd', at: 0, bytes: text('conectix') },
  { format: 'vhd', at: -512, bytes: text('conectix') },
  { format: 'vdi', at: 0x40, bytes: Buffer.from([0x7f, 0x10, 0xda, 0xbe]) },
  { format: 'qed', at: 0, bytes: text('QED\0') },
  { format: 'luks', at: 0, bytes: text('LUKS\xba\xbe') },
  { format: 'ploop', at: 0, bytes: text('WithoutFreeSpace') },
  { format: 'ploop', at: 0, bytes: text('WithouFreSpacExt') },
  { format: 'bochs', at: 0, bytes: text('Bochs Virtual HD Image') },
  { format: 'cloop', at: 0, bytes: text('#!/bin/sh\n#V2.0 Format') },
  { format: 'dmg', at: -512, bytes: text('koly') },
  { format: 'iso', at: 0x8001, bytes: text('CD001') },
]

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}

async function formatOf(file: FileHandle, size: number): Promise<string> {
  for (const { format, at, bytes } of SIGNATURES) {
    const position = at < 0 ? size + at : at
    if (position >= 0 && (await bytesAt(file, position, bytes.length)).equals(bytes)) return format
  }
  return 'raw'
}

const NO_PROBLEM = undefined
const DISK_HEADER_BYTES = 4096

/** qcow2 feature bits that change nothing about where data comes from: dirty, compression type, extended L2. */
const QCOW2_KNOWN_FEATURES = 0b11001n
const QCOW2_DATA_FILE = 0b100n

/** Walks the header extensions for the name of an external data file. */
function namesDataFile(header: Buffer, start: number): boolean {
  const DATA_FILE_NAME = 0x44415441
  let position = start
  while (position + 8 <= header.length) {
    const type = header.readUInt32BE(position)
    if (type === 0) return false
    if (type === DATA_FILE_NAME) return true
    position += 8 + Math.ceil(header.readUInt32BE(position + 4) / 8) * 8
  }
  return false
}

function qcow2Problem(header: Buffer): string | undefined {
  const version = header.readUInt32BE(4)
  if (version !== 2 && version !== 3) return `its qcow2 version is ${version}`
  if (header.readBigUInt64BE(8) !== 0n) return 'it has a backing file'
  if (header.readUInt32BE(32) !== 0) return 'it is encrypted'
  const features = version === 3 ? header.readBigUInt64BE(72) : 0n
  const headerLength = version === 3 ? header.readUInt32BE(100) : 72
  if ((features & QCOW2_DATA_FILE) !== 0n || namesDataFile(header, headerLength))
    return 'it has an external data file'
  return (features & ~QCOW2_KNOWN_FEATURES) === 0n ? NO_PROBLEM : 'it uses unknown qcow2 features'
}

async function inspectQcow2(file: FileHandle): Promise<ImageFacts> {
  const header = await bytesAt(file, 0, DISK_HEADER_BYTES)
  if (header.length < 104)
    return { format: 'qcow2', virtualSize: undefined, problem: 'its header is cut short' }
  return { format: 'qcow2', virtualSize: Number(header.readBigUInt64BE(24)), problem: qcow2Problem(header) }
}

const SECTOR = 512
/** Nova's `vmdk_allowed_types`: those that hold their data themselves. */
const VMDK_TYPES: ReadonlySet<string> = new Set(['monolithicSparse', 'streamOptimized'])
const VMDK_MAX_DESCRIPTOR_SECTORS = 128

function descriptorProblem(descriptor: string): string | undefined {
  const lines = descriptor.split('\n').map((line) => line.trim())
  const type = lines
    .map((line) => /^createType\s*=\s*"([^"]*)"$/.exec(line)?.[1])
    .find((found) => found !== undefined)
  if (type === undefined || !VMDK_TYPES.has(type))
    return `its VMDK type '${type ?? 'unknown'}' is not allowed`
  if (lines.some((line) => /^parent(CID\s*=\s*(?!ffffffff)|FileNameHint)/i.test(line)))
    return 'it has a parent'
  const extents = lines.filter((line) => /^(RW|RDONLY|NOACCESS)\s/.test(line))
  const isOwn = extents.length === 1 && /^RW \d+ SPARSE "[^"/\\]+"$/.test(extents[0] ?? '')
  return isOwn ? NO_PROBLEM : 'its extents are not in one file'
}

/** Only sparse VMDKs with the descriptor inside. The same place is told by the header and, if streamed, the footer. */
async function inspectVmdk(file: FileHandle, size: number): Promise<ImageFacts> {
  const refuse = (problem: string): ImageFacts => ({ format: 'vmdk', virtualSize: undefined, problem })
  const header = await bytesAt(file, 0, SECTOR)
  if (header.length < SECTOR || header.toString('latin1', 0, 4) !== 'KDMV')
    return refuse('it is a VMDK without data of its own')
  const place = (of: Buffer) =>
    [of.readBigUInt64LE(28), of.readBigUInt64LE(36), of.readBigUInt64LE(12)] as const
  const [offset, length, capacity] = place(header)
  const hasFooter = header.readBigUInt64LE(56) === 0xffff_ffff_ffff_ffffn
  if (hasFooter) {
    const footer = await bytesAt(file, size - 2 * SECTOR, SECTOR)
    if (footer.length < SECTOR || String(place(footer)) !== String(place(header)))
      return refuse('its header and footer differ')
  }
  if (offset === 0n || length === 0n || length > VMDK_MAX_DESCRIPTOR_SECTORS)
    return refuse('it has no descriptor of its own')
  const descriptor = await bytesAt(file, Number(offset) * SECTOR, Number(length) * SECTOR)
  const problem = descriptorProblem(descriptor.toString('latin1').replace(/\0[\s\S]*$/, ''))
  return { format: 'vmdk', virtualSize: Number(capacity) * SECTOR, problem }
}

/** Reads a few kilobytes of the file at `path` and says what it is. Opens nothing else. */
export async function inspectImage(path: string): Promise<ImageFacts> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const format = await formatOf(file, size)
    if (format === 'qcow2') return await inspectQcow2(file)
    if (format === 'vmdk') return await inspectVmdk(file, size)
    if (format === 'raw') return { format, virtualSize: size, problem: NO_PROBLEM }
    return { format, virtualSize: undefined, problem: NO_PROBLEM }
  } finally {
    await file.close()
  }
}
