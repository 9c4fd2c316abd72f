/** What is written in a log, and when. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { eventually } from '../../test/eventually.ts'
import { createLogs } from './log.ts'

function logFile(t: TestContext): { path: string; lines: () => Record<string, unknown>[] } {
  const folder = mkdtempSync(join(tmpdir(), 'kilonova-log-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'service.log')
  const lines = () =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { path, lines }
}

test('secrets are in no line, wherever they stand', async (t) => {
  const { path, lines } = logFile(t)
  const log = createLogs({ destination: path })('test')
  const request = { headers: { 'x-auth-token': 'SECRET', accept: 'all' }, list: [{ password: 'SECRET' }, 1] }
  log.info({ adminPass: 'SECRET', request, nothing: null }, 'one')
  const child = log.child({ host: 'h' }).child({ token: { id: 'SECRET' } })
  child.warn({ when: new Date(0) }, 'two')
  const error = Object.assign(new Error('broken', { cause: new Error('deeper') }), {
    secret: 'SECRET',
    code: 7,
  })
  log.error({ err: error }, 'three')
  await eventually(() => lines().length === 3)
  assert.doesNotMatch(readFileSync(path, 'utf8'), /SECRET/)
  const [one, two, three] = lines()
  assert.deepEqual(one?.['request'], {
    headers: { 'x-auth-token': '***', accept: 'all' },
    list: [{ password: '***' }, 1],
  })
  assert.deepEqual([one['adminPass'], one['nothing'], one['service']], ['***', null, 'test'])
  assert.deepEqual([two?.['token'], two?.['host'], two?.['when']], ['***', 'h', '1970-01-01T00:00:00.000Z'])
  const told = three?.['err'] as Record<string, unknown>
  assert.deepEqual([told['message'], told['code'], told['secret']], ['broken', 7, '***'])
  assert.match(String((told['cause'] as Record<string, unknown>)['stack']), /deeper/)
  assert.equal(request.headers['x-auth-token'], 'SECRET')
})

for (const [how, end] of [
  ['exits', 'process.exit(3)'],
  ['ends', ''],
  ['fails', 'throw new Error("unexpected")'],
] as const)
  test(`a process that ${how} has written its last lines`, (t) => {
    const { path, lines } = logFile(t)
    const script = `
      import { createLogs } from '#lib/log.ts'
      const log = createLogs({ destination: ${JSON.stringify(path)} })('test')
      for (let n = 0; n < 200; n++) log.info({ n }, 'a line')
      ${end}`
    try {
      execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        cwd: join(import.meta.dirname, '../..'),
        stdio: 'ignore',
      })
    } catch (error) {
      assert.notEqual(end, '', String(error))
    }
    assert.deepEqual(
      lines().map(({ n }) => n),
      Array.from({ length: 200 }, (_, n) => n),
    )
  })
