/**
 * What QEMU can really do on this host: a tiny guest is started under KVM, with a time limit, because an
 * existing /dev/kvm proves nothing; and one in the seccomp sandbox. The answer is remembered in a file
 * until the host boots again or QEMU changes.
 */
import { mkdir, mkdtemp, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { Log } from '#lib/log.ts'
import { SANDBOX } from './arguments.ts'
import { bootSector, EXIT_PORT, SECTOR_EXIT_CODE } from './boot-sector.ts'
import type { Tools } from './tools.ts'

export interface HostAbilities {
  readonly kvm: boolean
  readonly sandbox: boolean
  /** `7.2.22`. */
  readonly version: string
}

interface Remembered extends HostAbilities {
  readonly key: string
}

const TCG_TIMEOUT_MS = 10_000
/** KVM that is this much slower than emulation is not the hardware's. Measured side by side, so that load does not matter. */
const KVM_SLOWER_AT_MOST = 5
const KVM_TIMEOUT_MS = 2_000
/** The BIOS boots from no disk smaller than a cylinder. */
const PROBE_DISK_BYTES = 1024 * 1024
const WORDS = 300

/** Changes when the host boots or another QEMU is installed: then old answers are worth nothing. */
async function probeKey(binary: string): Promise<string> {
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
  const { mtimeMs, size } = await stat(binary)
  return `${bootId.trim()}:${binary}:${size}:${mtimeMs}`
}

/** Starts the boot sector and tells whether the guest really ran to its end. */
function bootsUnder(
  binary: string,
  sector: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<{ ok: boolean; reason: string }> {
  const common = [
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-no-reboot',
    '-m',
    '32',
    '-machine',
    'pc',
    '-device',
    `isa-debug-exit,iobase=${EXIT_PORT},iosize=4`,
    '-blockdev',
    JSON.stringify({
      driver: 'raw',
      'node-name': 'd',
      'read-only': true,
      file: { driver: 'file', filename: sector },
    }),
    '-device',
    'virtio-blk-pci,drive=d,bootindex=1',
  ]
  return new Promise((resolve) => {
    execFile(
      binary,
      [...common, ...args],
      { env: {}, timeout: timeoutMs, killSignal: 'SIGKILL' },
      (error, _out, stderr) => {
        const code = error === null ? 0 : error.code
        const why =
          error?.killed === true
            ? `no sign of life in ${timeoutMs} ms`
            : `code ${String(code)}: ${stderr.trim().slice(-WORDS)}`
        resolve({ ok: Number(code) === SECTOR_EXIT_CODE, reason: why })
      },
    )
  })
}

async function probe(binary: string, dir: string, tools: Tools, log: Log): Promise<HostAbilities> {
  const work = await mkdtemp(join(dir, '.probe-'))
  try {
    const sector = join(work, 'sector.raw')
    await writeFile(sector, bootSector())
    await truncate(sector, PROBE_DISK_BYTES)
    const hasKvm = await stat('/dev/kvm').then(
      () => true,
      () => false,
    )
    const begin = performance.now()
    const sandbox = await bootsUnder(
      binary,
      sector,
      ['-accel', 'tcg,tb-size=32', '-sandbox', SANDBOX],
      TCG_TIMEOUT_MS,
    )
    const kvmTimeoutMs = Math.ceil(Math.max(KVM_TIMEOUT_MS, (performance.now() - begin) * KVM_SLOWER_AT_MOST))
    // The processor as guests get it: some hosts run a plain one, but not their own.
    const kvm = hasKvm
      ? await bootsUnder(binary, sector, ['-accel', 'kvm', '-cpu', 'host'], kvmTimeoutMs)
      : { ok: false, reason: 'there is no /dev/kvm' }
    const text = await tools.run(binary, ['--version'])
    const version = /version (\d+\.\d+\.\d+)/.exec(text)?.[1] ?? '0.0.0'
    log.info(
      { kvm: kvm.ok, ...(!kvm.ok && { kvm_reason: kvm.reason }), sandbox: sandbox.ok, version },
      'probed what QEMU can do here',
    )
    return { kvm: kvm.ok, sandbox: sandbox.ok, version }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The host's abilities, probed (about a second) or remembered. Throws `ToolMissing` without QEMU. */
export async function hostAbilities(
  stateDir: string,
  binaryName: string,
  tools: Tools,
  log: Log,
): Promise<HostAbilities> {
  const binary = await tools.find(binaryName)
  const key = await probeKey(binary)
  const file = join(stateDir, 'qemu-probe.json')
  const text = await readFile(file, 'utf8').catch(() => '{}')
  const remembered = parse(text)
  if (remembered?.key === key) return remembered
  await mkdir(stateDir, { recursive: true })
  const abilities = await probe(binary, stateDir, tools, log)
  await writeFile(`${file}.new`, JSON.stringify({ ...abilities, key } satisfies Remembered))
  await rename(`${file}.new`, file)
  return abilities
}

/** A file cut short by a crash is as good as none. */
function parse(text: string): Remembered | undefined {
  try {
    return JSON.parse(text) as Remembered
  } catch {
    return undefined
  }
}
