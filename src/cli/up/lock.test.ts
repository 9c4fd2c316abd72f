/** One process per state directory: the second is told who holds it, and the kernel frees what a killed one held. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { DirectoryBusy, lockDirectory } from './lock.ts'

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kilonova-lock-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

test('a second start is told who runs, by whatever path it names the directory', async (t) => {
  const dir = directory(t)
  const lock = await lockDirectory(dir)
  await assert.rejects(lockDirectory(dir), new RegExp(`in use by process ${process.pid}`))
  lock.describe('process 1234 at http://127.0.0.1:8774')
  const alias = `${dir}-alias`
  symlinkSync(dir, alias)
  t.after(() => rmSync(alias))
  await assert.rejects(lockDirectory(alias), (error: unknown) => {
    assert.ok(error instanceof DirectoryBusy)
    assert.match(error.message, /process 1234 at http:\/\/127\.0\.0\.1:8774/)
    return true
  })
  await lock.release()
  await (await lockDirectory(dir)).release()
})

test('of many that start at once exactly one gets the directory', async (t) => {
  const dir = directory(t)
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => lockDirectory(dir)))
  const locks = outcomes.filter((outcome) => outcome.status === 'fulfilled')
  assert.equal(locks.length, 1)
  await locks[0]?.value.release()
})

test('a process killed without a word leaves no lock', async (t) => {
  const dir = directory(t)
  const module = join(import.meta.dirname, 'lock.ts')
  const script = `const { lockDirectory } = await import(${JSON.stringify(module)}); await lockDirectory(${JSON.stringify(dir)}); console.log('locked'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  await assert.rejects(lockDirectory(dir), DirectoryBusy)
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  await (await lockDirectory(dir)).release()
})
