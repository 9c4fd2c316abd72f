/** placement-manage, placement-status and placement-api as an operator runs them: exit codes, tables, configuration. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, suite, test } from 'node:test'
import { type Database, openDatabase } from '#db/kit/index.ts'
import { eventually } from '../eventually.ts'

const BIN = resolve(import.meta.dirname, '../../bin')

interface Ended {
  readonly code: number
  readonly output: string
}

const run = (program: string, ...args: readonly string[]): Promise<Ended> =>
  new Promise((done) => {
    execFile(process.execPath, [join(BIN, `${program}.mjs`), ...args], (error, stdout, stderr) =>
      done({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    )
  })

suite("an operator's commands", async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-placement-'))
  after(() => rmSync(dir, { recursive: true }))
  const conf = join(dir, 'placement.conf')
  const url = `sqlite://${dir}/placement.sqlite`
  writeFileSync(
    conf,
    `[api]\nauth_strategy = noauth2\n[placement_database]\nconnection = ${url}\nsync_on_startup = false\n`,
  )
  const manage = (...args: string[]) => run('placement-manage', '--config-file', conf, ...args)
  const status = (...args: string[]) => run('placement-status', '--config-file', conf, ...args)
  const inDatabase = async (work: (db: Database) => Promise<unknown>): Promise<void> => {
    const db = openDatabase(url)
    try {
      await work(db)
    } finally {
      await db.close()
    }
  }
  const insert = (db: Database, table: string, rows: readonly object[]) =>
    db
      .typed<Record<string, object>>()
      .insertInto(table)
      .values([...rows])
      .execute()

  test('the tables come with db sync; a service that may not make them itself refuses to start before', async () => {
    const early = await run('placement-api', '--config-file', conf, '--port', '0')
    assert.deepEqual([early.code, /run "placement-manage db sync"/.test(early.output)], [2, true])
    assert.deepEqual(await manage('db', 'version'), { code: 0, output: '0\n' })
    assert.deepEqual(await manage('db', 'sync'), { code: 0, output: '' })
    assert.deepEqual(await manage('db', 'sync'), { code: 0, output: '' })
    const version = await manage('db', 'version')
    assert.match(version.output, /^[1-9]\d*\n$/)
    assert.equal((await manage('db', 'stamp', version.output.trim())).code, 0)
    assert.equal((await manage('db', 'stamp', '999')).code, 2)
    assert.equal((await manage('db', 'nonsense')).code, 2)
    assert.equal((await manage()).code, 1)
    assert.equal((await manage('db')).code, 0)
    assert.equal((await run('placement-manage', '--config-file', join(dir, 'none'), 'db', 'sync')).code, 2)
  })

  test('the check passes, warns, fails and breaks, each with its code; the migration mends what it can', async () => {
    assert.equal((await status('upgrade', 'check')).code, 0)
    const orphan = { consumer_id: 7, provider_id: 1, resource_class: 'VCPU', used: 1, created_at: 0 }
    await inDatabase((db) => insert(db, 'placement_allocations', [orphan]))
    const warned = await status('upgrade', 'check', '--json')
    assert.equal(warned.code, 1)
    const { checks } = JSON.parse(warned.output) as { checks: { check: string; result: number }[] }
    assert.deepEqual(
      checks.map(({ check, result }) => [check, result]),
      [
        ['Missing Root Provider IDs', 0],
        ['Incomplete Consumers', 1],
        ['Policy File JSON to YAML Migration', 0],
      ],
    )
    const provider = (id: number, parent: number | null) => ({
      id,
      uuid: `uuid-${id}`,
      name: `name-${id}`,
      generation: 0,
      parent_id: parent,
      root_id: 0,
      created_at: 0,
      updated_at: 0,
    })
    await inDatabase((db) =>
      insert(db, 'placement_resource_providers', [provider(1, null), provider(2, 1), provider(3, 2)]),
    )
    assert.equal((await status('upgrade', 'check')).code, 2)
    assert.equal((await manage('db', 'online_data_migrations', '--max-count', '0')).code, 127)
    assert.equal((await manage('db', 'online_data_migrations', '--max-count', 'x')).code, 127)
    assert.equal((await manage('db', 'online_data_migrations', '--max-count', '1')).code, 1)
    const rest = await manage('db', 'online_data_migrations')
    assert.equal(rest.code, 0)
    await inDatabase(async (db) => {
      const rows = await db
        .typed<{ placement_resource_providers: { id: number; root_id: number } }>()
        .selectFrom('placement_resource_providers')
        .select('root_id')
        .execute()
      assert.deepEqual(rows, [{ root_id: 1 }, { root_id: 1 }, { root_id: 1 }])
    })
    assert.equal((await status('upgrade', 'check')).code, 1)
    writeFileSync(join(dir, 'policy.yaml'), '{"placement:traits:list": "@"}')
    assert.equal((await status('upgrade', 'check')).code, 2)
    assert.equal((await status('upgrade')).code, 2)
    assert.equal(
      (await run('placement-status', '--config-file', conf, '--config-dir', '/none', 'upgrade', 'check'))
        .code,
      255,
    )
    rmSync(join(dir, 'policy.yaml'))
  })

  test('the service heeds its policy file and its mount path, and stops when asked', async () => {
    writeFileSync(join(dir, 'policy.yaml'), '"placement:traits:list": "!"\n')
    const child = spawn(process.execPath, [
      join(BIN, 'placement-api.mjs'),
      '--config-file',
      conf,
      '--port',
      '0',
      '--mount-path',
      '/placement',
    ])
    let printed = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => (printed += data.toString()))
    const origin = await eventually(() => /listening at (\S+)/.exec(printed)?.[1], {
      what: 'the ready line',
    })
    const statusOf = async (path: string) =>
      (
        await fetch(origin + path, {
          headers: { 'x-auth-token': 'admin:p', 'openstack-api-version': 'placement 1.39' },
        })
      ).status
    assert.deepEqual([await statusOf('/traits'), await statusOf('/resource_classes')], [403, 200])
    child.kill('SIGTERM')
    assert.deepEqual(await once(child, 'exit'), [0, null])
  })
})
