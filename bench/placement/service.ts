/** placement-api as a process, asked over HTTP on loopback; its callers are taken at their word, so that no Keystone is measured. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { eventually } from '../../test/eventually.ts'
import { connectionTo } from '../measure/connection.ts'
import { cpuSeconds, processTree, pssMib } from '../measure/processes.ts'

export interface Service {
  readonly pid: number
  /** From the launch to the first answer. */
  readonly startMs: number
  ask(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Answer>
  /** The status of an answer that is let pass by: what is timed must not wait for this process's own garbage collector. */
  passBy(path: string): Promise<number>
  /** User and system time so far. */
  cpuSeconds(): number
  memoryMib(): number
  stop(): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly text: string
}

const HEADERS = { 'x-auth-token': 'admin:bench', 'openstack-api-version': 'placement 1.39' }

const ROOT = join(import.meta.dirname, '../..')

/** Starts it and waits until it answers. */
export async function startService(databaseUrl: string, clients = 1): Promise<Service> {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-bench-'))
  const file = join(dir, 'placement.conf')
  writeFileSync(
    file,
    `[DEFAULT]\nlog_file = ${join(dir, 'log')}\n[api]\nauth_strategy = noauth2\n[placement_database]\nconnection = ${databaseUrl}\n`,
  )
  const port = await freePort()
  const began = performance.now()
  const child = spawn(
    process.execPath,
    [join(ROOT, 'bin/placement-api.mjs'), '--port', String(port), '--config-file', file],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const { ask, passBy, close } = asking(`http://127.0.0.1:${port}`, clients)
  await eventually(() => ask('GET', '/'), { withinMs: 60_000, everyMs: 2 })
  const startMs = Math.round(performance.now() - began)
  return {
    ...costsOf(child.pid ?? 0),
    startMs,
    ask,
    passBy,
    async stop() {
      await close()
      await stop(child)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A caller over connections of its own. */
export function asking(
  origin: string,
  clients: number,
): Pick<Service, 'ask' | 'passBy'> & { close(): Promise<void> } {
  const pool = new Pool(origin, { connections: clients })
  const { passBy, close } = connectionTo(origin, HEADERS)
  const request = (method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown) =>
    pool.request({
      method,
      path,
      headers: {
        ...HEADERS,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  return {
    async ask(method, path, body) {
      const response = await request(method, path, body)
      return { status: response.statusCode, text: await response.body.text() }
    },
    passBy: async (path) => (await passBy(path)).status,
    async close() {
      close()
      await pool.close()
    },
  }
}

/** What a process and all that it started cost. */
export function costsOf(pid: number): Pick<Service, 'pid' | 'cpuSeconds' | 'memoryMib'> {
  const pids = () => processTree(pid)
  return {
    pid,
    cpuSeconds: () => pids().reduce((sum, each) => sum + cpuSeconds(each), 0),
    memoryMib: () => Math.round(pssMib(pids())),
  }
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await gone
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const { port } = server.address() as { port: number }
  await new Promise((done) => server.close(done))
  return port
}
