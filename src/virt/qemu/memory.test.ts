/** A guest's memory on its way back: QEMU says when it has it, not the socket. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import type { Host } from './host.ts'
import { loadMemory } from './memory.ts'
import type { Monitor } from './qmp/monitor.ts'

/** More than a socket takes in at once. */
const MEMORY_BYTES = 8 * 1024 ** 2

/** A QEMU that closes its end when some of the memory has come, and says this of it. */
async function resumedBy(t: TestContext, status: string): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'kilonova-memory-'))
  let server: Server | undefined
  t.after(async () => {
    server?.close()
    await rm(dir, { recursive: true })
  })
  await writeFile(join(dir, 'memory'), Buffer.alloc(MEMORY_BYTES))
  const store = { dir: () => dir, paths: () => ({ memorySocket: join(dir, 'memory.sock') }) }
  const monitor = {
    migrateIncoming: (socket: string) =>
      new Promise<void>((resolve) => {
        server = createServer((peer) => peer.once('data', () => peer.destroy())).listen(socket, resolve)
      }),
    queryMigrate: async () => ({ status, problem: undefined }),
  }
  const host = { store, clock: systemClock } as unknown as Host
  await loadMemory(host, 'u', monitor as unknown as Monitor, t.signal)
}

test('memory that QEMU has is loaded, however early it closed its end', (t) => resumedBy(t, 'completed'))

test('memory that QEMU could not read is not', async (t) => {
  await assert.rejects(resumedBy(t, 'failed'), /The guest's memory: failed/)
})
