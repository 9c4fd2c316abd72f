/**
 * A guest's memory, with the state of its devices, on its way to a file and back. QEMU 7.2 can neither write such a
 * file itself (its sandbox lets it start no program, and a file is no target before 8.2) nor read one: both go through
 * a unix socket that only its owner may open.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { chmod, rename, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '#lib/clock.ts'
import type { GuestRecord } from './guest-store.ts'
import type { Host } from './host.ts'
import type { Monitor } from './qmp/monitor.ts'

const POLL_MS = 20
/** Whatever else it says, it is still at it. */
const OVER: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled'])

export interface SuspendedRecord extends GuestRecord {
  readonly suspended: NonNullable<GuestRecord['suspended']>
}

export const isSuspended = (record: GuestRecord): record is SuspendedRecord => record.suspended !== undefined

const memoryFile = (host: Host, uuid: string): string => join(host.store.dir(uuid), 'memory')
const partFile = (host: Host, uuid: string): string => `${memoryFile(host, uuid)}.part`

/** Resolves when QEMU has sent, or taken in, all there is; throws with its words when it could not. */
async function untilCompleted(monitor: Monitor, clock: Clock, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { status, problem } = await monitor.queryMigrate()
    if (status === 'completed') return
    if (OVER.has(status)) throw new Error(`The guest's memory: ${problem ?? status}`)
    await clock.sleep(POLL_MS, signal)
  }
}

async function receive(server: Server, file: string, signal: AbortSignal): Promise<void> {
  const [socket] = (await once(server, 'connection', { signal })) as [NodeJS.ReadableStream]
  await pipeline(socket, createWriteStream(file, { mode: 0o600, flush: true }), { signal })
}

/** Runs works that need each other: the first that fails ends the others, and what it failed of is thrown. */
async function together(
  signal: AbortSignal,
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const failed = new AbortController()
  const both = AbortSignal.any([signal, failed.signal])
  const running = works.map(async (work) => {
    try {
      await work(both)
    } catch (error) {
      failed.abort(error)
      throw error
    }
  })
  await Promise.allSettled(running)
  signal.throwIfAborted()
  failed.signal.throwIfAborted()
}

/** Puts the memory of a guest that stands still into its file, whole or not at all. */
export async function saveMemory(
  host: Host,
  uuid: string,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<void> {
  const socket = host.store.paths(uuid).memorySocket
  const part = partFile(host, uuid)
  await rm(socket, { force: true })
  const server = createServer()
  try {
    server.listen(socket)
    await once(server, 'listening')
    await chmod(socket, 0o600)
    await together(signal, [
      (ended) => receive(server, part, ended),
      async (ended) => {
        await monitor.migrate(socket)
        await untilCompleted(monitor, host.clock, ended)
      },
    ])
    await rename(part, memoryFile(host, uuid))
  } catch (error) {
    await rm(part, { force: true })
    throw error
  } finally {
    server.close()
    await rm(socket, { force: true })
  }
}

const CLOSED_THERE: ReadonlySet<unknown> = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'EPIPE', 'ECONNRESET'])

/** QEMU closes its end when it has read what it needs, perhaps before ours is closed: whether that was all, it says itself. */
async function send(file: string, socket: string, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(createReadStream(file), connect(socket), { signal })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && CLOSED_THERE.has(error.code))) throw error
  }
}

/** Gives a QEMU that waits for it (`-incoming defer`) the memory in the guest's file. */
export async function loadMemory(
  host: Host,
  uuid: string,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<void> {
  const socket = host.store.paths(uuid).memorySocket
  await monitor.migrateIncoming(socket)
  try {
    await send(memoryFile(host, uuid), socket, signal)
    await untilCompleted(monitor, host.clock, signal)
  } finally {
    await rm(socket, { force: true })
  }
}

/** Removes the file, and what an unfinished one left. */
export async function removeMemory(host: Host, uuid: string): Promise<void> {
  for (const file of [memoryFile(host, uuid), partFile(host, uuid)]) await rm(file, { force: true })
}

/** A guest that was suspended is switched off. */
export async function forgetMemory(host: Host, uuid: string): Promise<void> {
  const record = await host.store.find(uuid)
  if (!record || !isSuspended(record)) return
  const { suspended: _gone, ...off } = record
  await host.store.save(off)
  await removeMemory(host, uuid)
}
