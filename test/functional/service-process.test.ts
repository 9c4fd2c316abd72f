/** A service as an operator runs it: what it refuses to start on, what it says of its health, what a SIGHUP does. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openDatabase } from '#db/kit/index.ts'
import { ROOT } from '../end-to-end/cloud-process.ts'
import { eventually } from '../eventually.ts'

interface Place {
  readonly conf: string
  readonly database: string
  run(program: string, ...args: readonly string[]): Promise<{ code: number; output: string }>
}

/** A nova.conf of a lone service: a database of its own, no broker, a Keystone that is not there. */
function place(t: TestContext): Place {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-service-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const conf = join(dir, 'nova.conf')
  const database = `sqlite://${dir}/nova.sqlite`
  writeFileSync(
    conf,
    `[database]
connection = ${database}
[keystone_authtoken]
auth_url = http://127.0.0.1:9/identity
username = nova
password = secret
project_name = service
[DEFAULT]
transport_url = in-process://
osapi_compute_listen_port = 0
`,
  )
  const run = (program: string, ...args: readonly string[]) =>
    new Promise<{ code: number; output: string }>((done) => {
      const command = [join(ROOT, 'bin', `${program}.mjs`), '--config-file', conf, ...args]
      execFile(process.execPath, command, (error, stdout, stderr) =>
        done({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
      )
    })
  return { conf, database, run }
}

interface Api {
  readonly process: ChildProcess
  readonly url: string
  output(): string
}

async function startApi(t: TestContext, conf: string, ...args: readonly string[]): Promise<Api> {
  const command = [join(ROOT, 'bin/nova-api.mjs'), '--config-file', conf, ...args]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (printed += data.toString()))
  const url = await eventually(() => /listening at (http:\/\/\S+)/.exec(printed)?.[1], {
    withinMs: 20_000,
    what: 'nova-api listening',
  })
  return { process: child, url, output: () => printed }
}

test('a service does not start on tables that are older or newer than itself, and says what to do', async (t) => {
  const { run, database } = place(t)
  const early = await run('nova-api')
  assert.deepEqual([early.code, /run "nova-manage db sync"/.test(early.output)], [2, true], early.output)
  const worker = await run('nova-api', '--workers', '2', '--health-port', '0')
  assert.deepEqual([worker.code, /run "nova-manage db sync"/.test(worker.output)], [2, true], worker.output)
  assert.equal((await run('nova-manage', 'db', 'version')).output, '0\n')
  assert.equal((await run('nova-manage', 'api_db', 'sync')).code, 0)
  assert.equal((await run('nova-manage', 'db', 'sync')).code, 0)
  assert.match((await run('nova-manage', 'db', 'version')).output, /^[1-9]\d*\n$/)
  const db = openDatabase(database)
  await db
    .typed<Record<string, object>>()
    .insertInto('schema_migrations')
    .values({ migration_set: 'nova', version: 9_999, name: 'of tomorrow', applied_at: 0 })
    .execute()
  await db.close()
  const late = await run('nova-conductor')
  assert.deepEqual([late.code, /version 9999, of a newer release/.test(late.output)], [2, true], late.output)
})

test('what a service lacks is said before it starts', async (t) => {
  const { run, conf } = place(t)
  assert.equal((await run('nova-manage', 'db', 'sync')).code, 0)
  const two = await run('nova-scheduler', '--workers', '2')
  assert.deepEqual([two.code, /no port to share/.test(two.output)], [2, true])
  writeFileSync(conf, '[DEFAULT]\ntransport_url = in-process://\n')
  const bare = await run('nova-api')
  assert.deepEqual(
    [bare.code, /\[database\] connection is not set/.test(bare.output)],
    [2, true],
    bare.output,
  )
})

test('health tells what works; SIGHUP takes in the policy and names the rest; SIGTERM ends it', async (t) => {
  const { run, conf } = place(t)
  assert.equal((await run('nova-manage', 'db', 'sync')).code, 0)
  const api = await startApi(t, conf)
  assert.equal((await fetch(`${api.url}/live`)).status, 200)
  const ready = await fetch(`${api.url}/ready`)
  assert.equal(ready.status, 503)
  const { checks } = (await ready.json()) as { checks: Record<string, string> }
  assert.deepEqual(checks, { database: 'ok', bus: 'ok', identity: 'failed' })
  const healthcheck = await fetch(`${api.url}/healthcheck`)
  assert.deepEqual([healthcheck.status, await healthcheck.text()], [503, 'FAILED identity'])
  assert.equal((await fetch(`${api.url}/`)).status, 200)

  assert.ok(!api.output().includes('"level":"debug"'))
  appendFileSync(conf, 'report_interval = 7\ndebug = true\n')
  api.process.kill('SIGHUP')
  await eventually(() => api.output().includes('need a restart: [DEFAULT] report_interval') || undefined, {
    what: 'what needs a restart',
  })
  assert.match(api.output(), /need a restart: \[DEFAULT\] report_interval\n/, 'debug counts at once')
  appendFileSync(conf, 'service_down_time = soon\n')
  api.process.kill('SIGHUP')
  await eventually(() => api.output().includes('stays as it was') || undefined, { what: 'the refusal' })
  assert.equal((await fetch(`${api.url}/live`)).status, 200)

  const counted = await scrape(api.url)
  assert.match(
    counted,
    /^kilonova_http_requests_total\{service="nova-api",method="GET",route="\/",status="200"\} 1$/m,
  )
  assert.match(counted, /^kilonova_bus_connected 1$/m)
  assert.match(counted, /^process_resident_memory_bytes \d{8,}$/m)
  const ended = once(api.process, 'exit')
  api.process.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
})

async function scrape(url: string): Promise<string> {
  const answer = await fetch(`${url}/metrics`)
  assert.equal(answer.status, 200)
  return answer.text()
}

test('workers share one port; one that is killed is replaced', async (t) => {
  const { run, conf } = place(t)
  assert.equal((await run('nova-manage', 'db', 'sync')).code, 0)
  const api = await startApi(t, conf, '--workers', '2')
  const started = () =>
    [...api.output().matchAll(/"pid":(\d+),"msg":"nova-api started"/g)].map((match) => Number(match[1]))
  const [victim = 0] = await eventually(() => (started().length === 2 ? started() : undefined), {
    what: 'two workers',
  })
  process.kill(victim, 'SIGKILL')
  await eventually(() => started().length === 3, { what: 'another worker' })
  assert.match(api.output(), new RegExp(`worker ${victim} ended`))
  assert.equal((await fetch(`${api.url}/live`)).status, 200)
  // Whichever is asked tells of both.
  const of = (text: string) =>
    [...text.matchAll(/^process_resident_memory_bytes\{worker="(\d+)"\}/gm)].map((match) => match[1])
  await eventually(async () => of(await scrape(api.url)).length === 2 || undefined, { what: 'two workers' })
  const ended = once(api.process, 'exit')
  api.process.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
})
