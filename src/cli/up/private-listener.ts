/** A service that only this machine's own processes reach: HTTP on a unix socket of the state directory. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HttpApp } from '#lib/http/index.ts'

/** A unix socket's path has room for 107 bytes. */
const MAX_SOCKET_PATH = 107

/** Where a socket of the state directory is: in it, or in a short folder of its own where its path is too long. */
export function socketPathIn(stateDir: string, name: string): string {
  const path = join(stateDir, name)
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return path
  const folder = join(
    tmpdir(),
    `kilonova-${createHash('sha256').update(stateDir).digest('hex').slice(0, 16)}`,
  )
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return join(folder, name)
}

export interface PrivateListener {
  start(): Promise<void>
  close(): Promise<void>
}

/** Serves `app`, which must be ready, at `path`; only this user may connect. */
export function createPrivateListener(app: HttpApp, path: string): PrivateListener {
  const server = createServer((request, response) => app.routing(request, response))
  return {
    async start() {
      rmSync(path, { force: true })
      server.listen(path)
      await once(server, 'listening')
      chmodSync(path, 0o600)
    },
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      rmSync(path, { force: true })
    },
  }
}
