/** The command as operators run it: what it prints, and how it ends. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDatabase } from '#db/kit/index.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
import { novaPolicy } from './nova-policy.ts'

test('nova-policy tells which rules a user passes', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'nova-policy-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'nova.conf')
  const connection = `sqlite:///${join(folder, 'nova.sqlite')}`
  writeFileSync(file, `[database]\nconnection = ${connection}\n`)
  const db = openDatabase(connection)
  await db.migrate('nova', NOVA_MIGRATIONS)
  await db.close()
  const printed = t.mock.method(console, 'log', () => undefined)
  const complained = t.mock.method(console, 'error', () => undefined)
  const run = async (...args: string[]): Promise<readonly [number, readonly string[]]> => {
    printed.mock.resetCalls()
    const code = await novaPolicy(['--config-file', file, ...args], { OS_TENANT_ID: 'p', OS_USER_ID: 'u' })
    return [code, printed.mock.calls.flatMap(({ arguments: [text] }) => String(text).split('\n'))]
  }
  const reader = ['--os-roles', 'reader', 'policy', 'check']
  assert.deepEqual(await run(...reader, '--api-name', 'os-attach-interfaces'), [
    0,
    ['os_compute_api:os-attach-interfaces:list', 'os_compute_api:os-attach-interfaces:show'],
  ])
  const servers = ['--api-name', 'servers:show', '--target']
  assert.deepEqual((await run(...reader, ...servers, 'project_id=p', 'user_id=x'))[0], 0)
  assert.deepEqual(await run(...reader, ...servers, 'project_id=other'), [1, ['No rules matched or allowed']])
  assert.equal((await run(...reader, '--target', 'colour=red'))[0], 2)
  assert.equal((await run(...reader, '--target', 'instance_id=none'))[0], 2)
  assert.match(String(complained.mock.calls.at(-1)?.arguments[0]), /Instance none could not be found/)
  assert.equal((await run('policy', 'chek'))[0], 2)
  writeFileSync(join(folder, 'policy.yaml'), '"os_compute_api:os-attach-interfaces:list": "!"\n')
  assert.deepEqual((await run(...reader, '--api-name', 'os-attach-interfaces'))[1], [
    'os_compute_api:os-attach-interfaces:show',
  ])
})
