/**
 * Where guests live on disk: `<state>/instances/<uuid>/` with the disks, the console log, `guest.json`
 * (what was made, so that it can be started again and removed) and, where the path is short enough for a unix
 * socket, the sockets.
 */
import { createHash } from 'node:crypto'
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isUuid } from '#lib/ids.ts'
import type { GuestPaths } from './arguments.ts'
import type { Disk, DiskBus } from './disk-devices.ts'

/** What was made for a guest. Written when its disks are whole: without it a folder is a failed attempt's. */
export interface GuestRecord {
  readonly version: 1
  readonly uuid: string
  readonly name: string
  readonly disks: readonly Disk[]
  readonly diskBus: DiskBus
  /** Names of the taps that were made. */
  readonly taps: readonly string[]
  readonly madeBy?: string
  /** What it is started with while it is rescued, instead of its own disks. */
  readonly rescue?: { readonly disks: readonly Disk[] }
  /** The guest's memory is in a file beside its disks: it goes on from there, under a QEMU with these arguments. */
  readonly suspended?: { readonly args: readonly string[] }
}

export interface GuestStore {
  readonly instancesDir: string
  readonly baseDir: string
  /** Makes the folders; removes what a crash left half written. */
  open(): Promise<void>
  dir(uuid: string): string
  paths(uuid: string): GuestPaths
  /** An empty folder for a new guest. What stood there is removed. */
  create(uuid: string): Promise<string>
  save(record: GuestRecord): Promise<void>
  find(uuid: string): Promise<GuestRecord | undefined>
  /** The uuids of all folders, whole or not. */
  list(): Promise<readonly string[]>
  /** Makes the sockets' folder and removes sockets of an earlier run: QEMU makes them anew. */
  prepareSockets(uuid: string): Promise<void>
  /** Removes everything of the guest. Nothing there is success. */
  remove(uuid: string): Promise<void>
}

/** A unix socket's path has room for 107 bytes. */
const MAX_SOCKET_PATH = 107
const LONGEST_SOCKET = 'serial.sock'
const SAMPLE_UUID = '00000000-0000-0000-0000-000000000000'

/** The folder above the guests' socket folders: the instances' own, or a short one in the temporary directory. */
function socketRoot(instancesDir: string): string {
  if (Buffer.byteLength(join(instancesDir, SAMPLE_UUID, LONGEST_SOCKET)) <= MAX_SOCKET_PATH)
    return instancesDir
  const mark = createHash('sha256').update(instancesDir).digest('hex').slice(0, 16)
  return join(tmpdir(), `kilonova-${mark}`)
}

/** Makes a folder that only we may enter, and refuses one that somebody else put there. */
async function makePrivate(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const found = await lstat(dir)
  if (!found.isDirectory() || found.uid !== process.getuid?.())
    throw new Error(`${dir} is not a folder of ours`)
  await chmod(dir, 0o700)
}

function pathsIn(dir: string, sockets: string): GuestPaths {
  return {
    qmpSocket: join(sockets, 'qmp.sock'),
    vncSocket: join(sockets, 'vnc.sock'),
    serialSocket: join(sockets, LONGEST_SOCKET),
    agentSocket: join(sockets, 'agent.sock'),
    memorySocket: join(sockets, 'memory.sock'),
    consoleLog: join(dir, 'console.log'),
    qemuLog: join(dir, 'qemu.log'),
    pidFile: join(dir, 'qemu.pid'),
  }
}

export function createGuestStore(stateDir: string): GuestStore {
  const instancesDir = join(stateDir, 'instances')
  const baseDir = join(instancesDir, '_base')
  const sockets = socketRoot(instancesDir)
  const dir = (uuid: string) => {
    if (!isUuid(uuid)) throw new Error(`'${uuid}' is not a guest's uuid`)
    return join(instancesDir, uuid)
  }
  const socketDir = (uuid: string) => (sockets === instancesDir ? dir(uuid) : join(sockets, uuid))
  const remove = async (uuid: string) => {
    await rm(dir(uuid), { recursive: true, force: true })
    if (sockets === instancesDir) return
    await rm(socketDir(uuid), { recursive: true, force: true })
    // The last to go takes the folder above along.
    await rmdir(sockets).catch(() => undefined)
  }
  return {
    instancesDir,
    baseDir,
    dir,
    remove,
    paths: (uuid) => pathsIn(dir(uuid), socketDir(uuid)),
    async open() {
      await makePrivate(instancesDir)
      await makePrivate(baseDir)
    },
    async create(uuid) {
      await remove(uuid)
      await makePrivate(dir(uuid))
      return dir(uuid)
    },
    async save(record) {
      const file = join(dir(record.uuid), 'guest.json')
      await writeFile(`${file}.new`, JSON.stringify(record, null, 1), { mode: 0o600, flush: true })
      await rename(`${file}.new`, file)
    },
    async find(uuid) {
      const text = await readFile(join(dir(uuid), 'guest.json'), 'utf8').catch(
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return undefined
          throw error
        },
      )
      return text === undefined ? undefined : (JSON.parse(text) as GuestRecord)
    },
    list: async () => (await readdir(instancesDir)).filter(isUuid),
    async prepareSockets(uuid) {
      await makePrivate(sockets)
      await makePrivate(socketDir(uuid))
      const { qmpSocket, vncSocket, serialSocket, agentSocket, memorySocket } = pathsIn(
        dir(uuid),
        socketDir(uuid),
      )
      for (const path of [qmpSocket, vncSocket, serialSocket, agentSocket, memorySocket])
        await rm(path, { force: true })
    },
  }
}
