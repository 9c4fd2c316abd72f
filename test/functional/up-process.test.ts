/** `kilonova up` as a process: its ready file, its lock, its signals, and what is left when it is gone. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { eventually } from '../eventually.ts'
import { ROOT, startCloudProcess, temporaryStateDir } from '../end-to-end/cloud-process.ts'

const SIMULATED = ['--driver', 'simulated']

function stateDir(t: TestContext): string {
  const path = temporaryStateDir()
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Runs the launcher to its end. */
async function kilonova(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'bin/kilonova.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (output += data.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    (answer) => answer.status < 400,
    () => false,
  )

test('the ready file says where the cloud is; SIGTERM ends it; the next start has another port and the same users', async (t) => {
  const dir = stateDir(t)
  const first = await startCloudProcess(dir, SIMULATED)
  t.after(() => first.stop())
  const ready = JSON.parse(readFileSync(join(dir, 'ready.json'), 'utf8')) as Record<string, unknown>
  assert.equal(ready['state_directory'], dir)
  assert.equal(ready['driver'], 'simulated')
  assert.deepEqual(Object.keys(first.endpoints).sort(), [
    'block-storage',
    'compute',
    'identity',
    'image',
    'network',
    'placement',
    'volumev3',
  ])
  for (const url of Object.values(first.endpoints)) assert.ok(await answers(`${url}/`), url)
  const { passwords } = JSON.parse(readFileSync(join(dir, 'state.json'), 'utf8')) as { passwords: object }
  await first.stop()
  assert.equal(await answers(`${first.endpoints['compute']}/`), false)
  assert.match(first.output(), /ready in \d+\.\d\d s: http:\/\/127\.0\.0\.1:\d+/)
  assert.match(first.output(), /Stopped\./)

  const second = await startCloudProcess(dir, SIMULATED)
  t.after(() => second.stop())
  const again = JSON.parse(readFileSync(join(dir, 'state.json'), 'utf8')) as { passwords: object }
  assert.deepEqual(again.passwords, passwords)
  assert.ok(readFileSync(join(dir, 'clouds.yaml'), 'utf8').includes(String(second.endpoints['identity'])))
})

test('a second start on the directory of a running cloud ends at once and says who runs', async (t) => {
  const dir = stateDir(t)
  const cloud = await startCloudProcess(dir, SIMULATED)
  t.after(() => cloud.stop())
  for (const more of [[], ['--reset']]) {
    const { code, output } = await kilonova('up', '--port', '0', '--state-dir', dir, ...SIMULATED, ...more)
    assert.equal(code, 1)
    assert.match(output, new RegExp(`in use by process ${cloud.pid} at http://`))
  }
  assert.ok(await answers(`${cloud.endpoints['compute']}/`))
})

test('after SIGKILL the directory is free, and the cloud is as it was', async (t) => {
  const dir = stateDir(t)
  await (await startCloudProcess(dir, SIMULATED)).kill()
  const cloud = await startCloudProcess(dir, SIMULATED)
  t.after(() => cloud.stop())
  assert.ok(await answers(`${cloud.endpoints['compute']}/`))
})

test('--reset begins anew, and only ever erases a state directory', async (t) => {
  const dir = stateDir(t)
  await (await startCloudProcess(dir, SIMULATED)).stop()
  const before = readFileSync(join(dir, 'state.json'), 'utf8')
  const cloud = await startCloudProcess(dir, [...SIMULATED, '--reset'])
  await cloud.stop()
  assert.notEqual(readFileSync(join(dir, 'state.json'), 'utf8'), before)

  const { code, output } = await kilonova(
    'up',
    '--state-dir',
    join(ROOT, 'docs'),
    '--port',
    '0',
    '--reset',
    ...SIMULATED,
  )
  assert.equal(code, 1)
  assert.match(output, /is no state directory.*Nothing was erased/)
  assert.ok(existsSync(join(ROOT, 'docs/rooms.md')))
})

test('wrong usage is told with the help, and ends with 2', async () => {
  for (const args of [['up', '--prot', '1'], ['dance'], []])
    assert.equal((await kilonova(...args)).code, 2, args.join(' '))
  const { code, output } = await kilonova('up', '--help')
  assert.equal(code, 0)
  for (const option of ['--port', '--state-dir', '--driver', '--hosts', '--ready-file', '--reset'])
    assert.ok(output.includes(option))
})

test('under an older Node’s launcher a start that fails ends, and a cloud ends with its launcher', async (t) => {
  const dir = stateDir(t)
  // What such a launcher does: it starts this Node with a channel, and listens.
  const launch = (...args: string[]) =>
    spawn(
      process.execPath,
      [join(ROOT, 'bin/kilonova.mjs'), 'up', '--port', '0', '--state-dir', dir, ...SIMULATED, ...args],
      {
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      },
    )
  const failing = launch('--config-file', '/nowhere/nova.conf')
  const [code] = (await once(failing, 'exit')) as [number | null]
  assert.equal(code, 1)

  const readyFile = join(dir, 'ready.json')
  const cloud = launch('--ready-file', readyFile)
  t.after(() => cloud.kill('SIGKILL'))
  await eventually(() => existsSync(readyFile), { what: 'the ready file' })
  const ended = once(cloud, 'exit')
  cloud.disconnect()
  assert.deepEqual(await ended, [0, null])
})
