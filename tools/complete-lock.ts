/**
 * Completes package-lock.json with the packages of other platforms. Behind a registry that lacks some of them
 * npm leaves them out of the lock file, and `npm ci` then refuses it everywhere. Versions come from the packages
 * that name them; platforms from their names, as npm reads them of the packages themselves.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

interface Entry {
  readonly version?: string
  readonly dev?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

export interface Lock {
  readonly packages: Readonly<Record<string, Entry>>
}

const SYSTEMS = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
  'aix',
]
const PROCESSORS = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
]

/** Paths of optional packages that some package names and the lock file does not have, with who names them. */
export function missingOptionals(lock: Lock): { path: string; version: string; dev: boolean }[] {
  return Object.entries(lock.packages).flatMap(([owner, entry]) =>
    owner === ''
      ? []
      : Object.entries(entry.optionalDependencies ?? {})
          .map(([name, version]) => ({ path: `node_modules/${name}`, version, dev: entry.dev === true }))
          .filter(({ path }) => !(path in lock.packages)),
  )
}

export function complete(lock: Lock): Lock {
  const added = missingOptionals(lock).map(
    ({ path, version, dev }) => [path, entryOf(path, version, dev)] as const,
  )
  const packages = { ...lock.packages, ...Object.fromEntries(added) }
  const sorted = Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1))
  return { ...lock, packages: Object.fromEntries(sorted) }
}

function entryOf(path: string, version: string, dev: boolean): Entry {
  const words = (path.split('/').at(-1) ?? '').split(/[-_]/)
  const system = words.find((word) => SYSTEMS.includes(word))
  const processor = words.find((word) => PROCESSORS.includes(word))
  const libc = words.some((word) => word.startsWith('musl'))
    ? 'musl'
    : words.some((word) => word.startsWith('gnu'))
      ? 'glibc'
      : undefined
  return {
    version,
    ...(processor !== undefined && { cpu: [processor] }),
    ...(dev && { dev }),
    ...(libc !== undefined && { libc: [libc] }),
    optional: true,
    ...(system !== undefined && { os: [system] }),
  }
}

if (import.meta.main) {
  const path = join(resolve(import.meta.dirname, '..'), 'package-lock.json')
  const lock = JSON.parse(readFileSync(path, 'utf8')) as Lock
  const before = missingOptionals(lock).length
  if (before > 0) writeFileSync(path, `${JSON.stringify(complete(lock), undefined, 2)}\n`)
  console.log(
    before === 0
      ? 'package-lock.json is complete'
      : `package-lock.json: ${before} packages of other platforms added`,
  )
}
