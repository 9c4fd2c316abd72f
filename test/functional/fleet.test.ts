/** A fleet in its smallest form: every service a process, on PostgreSQL and RabbitMQ; killed, mended, stopped. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { login } from '../cloud-client.ts'
import { ROOT } from '../end-to-end/cloud-process.ts'
import { eventually } from '../eventually.ts'

const stateDir = mkdtempSync(join(tmpdir(), 'kilonova-fleet-'))
/** Below the ports that the system hands out, and another one for each process that tests. */
const port = String(20_000 + ((process.pid * 40) % 12_000))

const fleet = (...args: readonly string[]): Promise<{ code: number; output: string }> =>
  new Promise((done) => {
    const command = [join(ROOT, 'bin/kilonova.mjs'), 'fleet', ...args, '--state-dir', stateDir]
    execFile(process.execPath, command, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    )
  })

const logs = (): string =>
  readdirSync(join(stateDir, 'log'))
    .map((name) => `${name}: ${readFileSync(join(stateDir, 'log', name), 'utf8').slice(-1_000)}`)
    .join('\n')

const pidOf = (name: string): number =>
  Number(readFileSync(join(stateDir, 'run', `${name}.pid`), 'utf8').split(' ')[0])

const isAlive = (pid: number): boolean => {
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ') Z'
  return !/\) Z/.test(stat)
}

after(async () => {
  if (existsSync(join(stateDir, 'fleet.json'))) await fleet('down', '--erase')
  rmSync(stateDir, { recursive: true })
})

async function createServer(name: string): Promise<string> {
  const demo = await login(stateDir, 'kilonova')
  const [{ images }, { flavors }] = await Promise.all([
    demo.ok('image', 'GET', '/images?name=tiny'),
    demo.ok('compute', 'GET', '/flavors'),
  ])
  const nano = (flavors as { id: string; name: string }[]).find((flavor) => flavor.name === 'm1.nano')
  const { networks } = await demo.ok('network', 'GET', '/networks?name=private')
  const { server } = await demo.ok('compute', 'POST', '/servers', {
    server: { name, imageRef: images[0].id, flavorRef: nano?.id, networks: [{ uuid: networks[0].id }] },
  })
  return String(server.id)
}

const becomes = (id: string, status: string): Promise<true> =>
  eventually(
    async () => {
      const demo = await login(stateDir, 'kilonova')
      const { body } = await demo.call('compute', 'GET', `/servers/${id}`)
      return status === 'gone'
        ? body.itemNotFound !== undefined || undefined
        : body.server?.status === status || undefined
    },
    { withinMs: 30_000, everyMs: 100, what: `server ${id} ${status}` },
  )

test('a fleet comes up, builds and deletes servers, survives kills, and leaves nothing running', async () => {
  const up = await fleet('up', '--smallest', '--port', port)
  assert.equal(up.code, 0, `${up.output}\n${logs()}`)
  const first = await createServer('first')
  await becomes(first, 'ACTIVE')

  // Work goes on with what is left: the create is accepted, and done when there is somebody to do it.
  for (const name of ['nova-conductor-1', 'nova-compute-fake-1', 'rabbitmq'])
    process.kill(pidOf(name), 'SIGKILL')
  const second = await createServer('second')
  const broken = await fleet('status')
  assert.equal(broken.code, 1)
  assert.match(broken.output, /nova-conductor-1 +\| +\| not running/)
  const again = await fleet('up')
  assert.equal(again.code, 0, `${again.output}\n${logs()}`)
  await becomes(second, 'ACTIVE')
  await becomes(first, 'ACTIVE')
  assert.equal((await fleet('status')).code, 0)

  const demo = await login(stateDir, 'kilonova')
  for (const id of [first, second]) await demo.ok('compute', 'DELETE', `/servers/${id}`)
  await Promise.all([becomes(first, 'gone'), becomes(second, 'gone')])
  const { ports } = await demo.ok('network', 'GET', '/ports')
  assert.deepEqual(
    (ports as { device_owner: string }[]).filter((each) => each.device_owner.startsWith('compute:')),
    [],
  )

  const pids = readdirSync(join(stateDir, 'run')).map((name) => pidOf(name.replace('.pid', '')))
  assert.ok(pids.length >= 11 && pids.every(isAlive))
  const down = await fleet('down', '--erase')
  assert.equal(down.code, 0, down.output)
  assert.deepEqual(pids.filter(isAlive), [])
  assert.deepEqual(readdirSync(stateDir), [])
})
