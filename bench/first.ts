/**
 * `npm run bench -- first`: what a newcomer feels. From launch to the first answer, idle memory of the
 * whole cloud, from POST to ACTIVE (simulated and QEMU), reads of `GET /servers/detail` with 100 servers.
 */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type CloudClient, login } from '../test/cloud-client.ts'
import {
  type CloudProcess,
  ROOT,
  startCloudProcess,
  temporaryStateDir,
} from '../test/end-to-end/cloud-process.ts'
import { eventually } from '../test/eventually.ts'
import { figuresOf } from './measure/figures.ts'
import { commandOf, cpuSeconds, processTree, pssMib } from './measure/processes.ts'

const STARTS = 5
const SETTLE_MS = 3_000
const BOOTS = 5
const SERVERS = 100
const READERS = 4
const READ_MS = 8_000

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const { port } = server.address() as { port: number }
  await new Promise((done) => server.close(done))
  return port
}

/** Milliseconds from spawning the launcher to a token and a list of servers. */
async function firstAnswer(stateDir: string, command: readonly string[], path: string): Promise<number> {
  const port = await freePort()
  const [program = '', ...args] = command
  const began = performance.now()
  const child = spawn(program, [...args, '--port', String(port), '--state-dir', stateDir], {
    stdio: 'ignore',
    cwd: ROOT,
  })
  const gone = new Promise((done) => child.once('exit', done))
  const status = await eventually(async () => (await fetch(`http://127.0.0.1:${port}${path}`)).status, {
    withinMs: 30_000,
    everyMs: 2,
  })
  const ms = performance.now() - began
  if (status >= 400) throw new Error(`${path}: ${status}`)
  child.kill('SIGTERM')
  await gone
  return Math.round(ms)
}

async function create(demo: CloudClient, count: number): Promise<void> {
  const named = async (service: string, path: string, key: string, name: string): Promise<string> =>
    ((await demo.ok(service, 'GET', path))[key] as { id: string; name: string }[]).find(
      (item) => item.name === name,
    )?.id ?? ''
  const server = {
    name: 'bench',
    imageRef: await named('image', '/images', 'images', 'tiny'),
    flavorRef: await named('compute', '/flavors', 'flavors', 'm1.nano'),
    networks: [{ uuid: await named('network', '/networks', 'networks', 'private') }],
    max_count: count,
    min_count: count,
  }
  await demo.ok('compute', 'POST', '/servers', { server })
}

const statuses = async (demo: CloudClient): Promise<string[]> =>
  (
    (await demo.ok('compute', 'GET', '/servers/detail?limit=1000')) as { servers: { status: string }[] }
  ).servers.map((server) => server.status)

async function removeAll(demo: CloudClient): Promise<void> {
  const { servers } = (await demo.ok('compute', 'GET', '/servers?limit=1000')) as {
    servers: { id: string }[]
  }
  for (const { id } of servers) await demo.call('compute', 'DELETE', `/servers/${id}`)
  await eventually(async () => (await statuses(demo)).length === 0, { withinMs: 120_000, everyMs: 20 })
}

async function postToActive(demo: CloudClient): Promise<number> {
  const times: number[] = []
  for (let boot = 0; boot < BOOTS; boot += 1) {
    const began = performance.now()
    await create(demo, 1)
    await eventually(async () => (await statuses(demo)).every((status) => status === 'ACTIVE'), {
      withinMs: 60_000,
      everyMs: 5,
    })
    times.push(performance.now() - began)
    await removeAll(demo)
  }
  return Math.round(median(times))
}

async function reads(
  cloud: CloudProcess,
  demo: CloudClient,
): Promise<{ perSecond: number; perCpuSecond: number }> {
  const quota = { quota_set: { instances: -1, cores: -1, ram: -1 } }
  const admin = await login(cloud.stateDir, 'kilonova-admin')
  await admin.call('compute', 'PUT', `/os-quota-sets/${demo.projectId}`, quota)
  for (let made = 0; made < SERVERS; made += 10) await create(demo, 10)
  await eventually(
    async () => (await statuses(demo)).filter((status) => status === 'ACTIVE').length === SERVERS,
    { withinMs: 120_000, everyMs: 50 },
  )
  const end = performance.now() + READ_MS
  const cpuBefore = cpuSeconds(cloud.pid)
  const began = performance.now()
  const reader = async (): Promise<number> => {
    let count = 0
    for (; performance.now() < end; count += 1) await demo.ok('compute', 'GET', '/servers/detail')
    return count
  }
  const total = (await Promise.all(Array.from({ length: READERS }, reader))).reduce(
    (sum, count) => sum + count,
    0,
  )
  const seconds = (performance.now() - began) / 1_000
  return {
    perSecond: Math.round(total / seconds),
    perCpuSecond: Math.round(total / (cpuSeconds(cloud.pid) - cpuBefore)),
  }
}

async function idleMemory(
  cloud: CloudProcess,
): Promise<{ totalMib: number; byProcess: Record<string, number> }> {
  await delay(SETTLE_MS)
  const byProcess: Record<string, number> = {}
  for (const pid of processTree(cloud.pid)) {
    const name = commandOf(pid)
    if (name.startsWith('qemu')) continue
    byProcess[name] = Math.round((byProcess[name] ?? 0) + pssMib([pid]))
  }
  return { totalMib: Object.values(byProcess).reduce((sum, mib) => sum + mib, 0), byProcess }
}

async function main(): Promise<void> {
  const { report, write } = figuresOf('first')
  for (const driver of ['simulated', 'qemu'] as const) {
    const stateDir = temporaryStateDir()
    const cloud = await startCloudProcess(stateDir, ['--driver', driver])
    const demo = await login(stateDir, 'kilonova-demo')
    report(`${driver}: idle memory (PSS, MiB)`, await idleMemory(cloud))
    report(`${driver}: POST to ACTIVE (median ms)`, await postToActive(demo))
    if (driver === 'simulated') report('GET /servers/detail with 100 servers', await reads(cloud, demo))
    await cloud.stop()
    const launcher = [process.execPath, join(ROOT, 'bin/kilonova.mjs'), 'up', '--driver', driver]
    const times = async (command: readonly string[]): Promise<number[]> => {
      const all: number[] = []
      for (let start = 0; start < STARTS; start += 1) all.push(await firstAnswer(stateDir, command, '/v2.1/'))
      return all
    }
    const direct = await times(launcher)
    report(`${driver}: launch to first answer (ms)`, { median: median(direct), all: direct })
    if (driver === 'qemu') {
      const npm = await times(['npm', 'start', '--', '--driver', driver])
      report('through npm start (ms)', { median: median(npm), all: npm })
    }
    rmSync(stateDir, { recursive: true, force: true })
  }
  write()
}

await main()
