/** The state directory: where things are in it, the passwords made at the first start, and what was done already. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Ids } from '#lib/ids.ts'

const SECRET_BYTES = 18
const PRIVATE = 0o600
const PRIVATE_DIR = 0o700

/** The users of a new cloud: who, where, as what, and the files that log them in. */
export const USERS = [
  {
    name: 'admin',
    project: 'admin',
    roles: ['admin'],
    systemRoles: ['admin'],
    openrc: 'openrc',
    clouds: ['kilonova-admin'],
  },
  {
    name: 'demo',
    project: 'demo',
    roles: ['member'],
    openrc: 'openrc-demo',
    clouds: ['kilonova', 'kilonova-demo'],
  },
  {
    name: 'reader',
    project: 'demo',
    roles: ['reader'],
    openrc: 'openrc-reader',
    clouds: ['kilonova-reader'],
  },
  { name: 'alt', project: 'alt', roles: ['member'], openrc: 'openrc-alt', clouds: ['kilonova-alt'] },
] as const

export const SERVICE_USERS = ['nova', 'placement', 'neutron', 'glance', 'cinder'] as const
export const SERVICE_PROJECT = 'service'
export const REGION = 'RegionOne'

export interface CloudState {
  /** Passwords by user name. */
  readonly passwords: Readonly<Record<string, string>>
  /** Signs what haproxy says of a metadata request. */
  readonly metadataSecret: string
  /** What the image `tiny` was made from: its script's hash, or `simulated` for a stand-in without an operating system. */
  tinyImage?: string
  /** Networks and flavors were made; who removed them since does not want them back. */
  isProvisioned?: boolean
}

export interface StateDir {
  readonly path: string
  readonly database: string
  readonly log: string
  readonly isNew: boolean
  readonly state: CloudState
  save(): void
  /** Writes a file only its owner can read. */
  writePrivate(name: string, text: string): void
}

/** Opens the directory, making it and its passwords when they are not there. */
export function openStateDir(path: string, ids: Ids): StateDir {
  mkdirSync(path, { recursive: true, mode: PRIVATE_DIR })
  const file = join(path, 'state.json')
  const isNew = !existsSync(file)
  const kept = isNew ? undefined : (JSON.parse(readFileSync(file, 'utf8')) as CloudState)
  const fresh = newState(ids)
  // A directory of an older release has no password for users that came since.
  const state = kept ? { ...kept, passwords: { ...fresh.passwords, ...kept.passwords } } : fresh
  const isWhole = Object.keys(kept?.passwords ?? {}).length === Object.keys(state.passwords).length
  const writePrivate = (name: string, text: string) => {
    const target = join(path, name)
    // Whole or not at all: a killed start leaves no half of a file.
    writeFileSync(`${target}.new`, text, { mode: PRIVATE })
    chmodSync(`${target}.new`, PRIVATE)
    renameSync(`${target}.new`, target)
  }
  const save = () => writePrivate('state.json', `${JSON.stringify(state, undefined, 2)}\n`)
  if (!isWhole) save()
  return {
    path,
    database: join(path, 'kilonova.sqlite'),
    log: join(path, 'kilonova.log'),
    isNew,
    state,
    save,
    writePrivate,
  }
}

function newState(ids: Ids): CloudState {
  const names = [...USERS.map((user) => user.name), ...SERVICE_USERS]
  return {
    passwords: Object.fromEntries(names.map((name) => [name, ids.secret(SECRET_BYTES)])),
    metadataSecret: ids.secret(SECRET_BYTES),
  }
}

/** Whether a directory is one of ours, or holds nothing at all: only such is ever erased. */
export function isStateDir(path: string): boolean {
  return !existsSync(path) || readdirSync(path).length === 0 || existsSync(join(path, 'state.json'))
}

/** Empties a state directory. */
export function eraseStateDir(path: string): void {
  for (const name of existsSync(path) ? readdirSync(path) : [])
    rmSync(join(path, name), { recursive: true, force: true })
}
