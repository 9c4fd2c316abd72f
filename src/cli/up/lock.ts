/**
 * One process per state directory. The lock is a socket in Linux's abstract namespace, named for the directory: the
 * kernel lets go of it with the process, so there is no stale lock, and whoever finds it taken asks it who holds it.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'

const ANSWER_MS = 2_000

/** Another process runs on the directory. */
export class DirectoryBusy extends Error {
  override readonly name = 'DirectoryBusy'
}

export interface Lock {
  /** What another start is told. */
  describe(what: string): void
  release(): Promise<void>
}

function nameOf(directory: string): string {
  const hash = createHash('sha256').update(realpathSync(directory)).digest('hex')
  return `\0kilonova-${process.getuid?.() ?? 0}-${hash.slice(0, 40)}`
}

/** Takes the directory, which must exist; throws `DirectoryBusy` with what its holder says of itself. */
export async function lockDirectory(directory: string): Promise<Lock> {
  const path = nameOf(directory)
  let description = `process ${process.pid}, which is starting`
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end(description)
  })
  server.listen({ path })
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new DirectoryBusy(`${directory} is in use by ${await holder(path)}`, { cause: error })
  }
  server.unref()
  return {
    describe: (what) => {
      description = what
    },
    async release() {
      server.close()
      await once(server, 'close')
    },
  }
}

async function holder(path: string): Promise<string> {
  const socket = connect({ path })
  socket.setTimeout(ANSWER_MS, () => socket.destroy())
  try {
    return (await text(socket)) || 'another process'
  } catch {
    return 'another process'
  }
}
