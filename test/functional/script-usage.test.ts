/** The scripts behind `npm run …` tell how they are used, and refuse what they do not know in a line. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'

const run = (...args: readonly string[]): Promise<{ code: unknown; out: string; err: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['bin/kilonova.mjs', ...args], (error, out, err) =>
      resolve({ code: error ? error.code : 0, out, err }),
    )
  })

test('a script asked for help, or for what it does not have, does nothing else', async () => {
  const [help, wrong] = await Promise.all([run('simulate', '--help'), run('fuzz', '--nope')])
  assert.equal(help.code, 0)
  assert.match(help.out, /^`npm run simulate -- --seeds 2000.*\n\nOptions: --seeds VALUE, --seed VALUE/s)
  assert.deepEqual([wrong.code, wrong.out], [2, ''])
  assert.match(wrong.err, /^Unknown option '--nope'.*\n--help tells what there is\.\n$/)
})
