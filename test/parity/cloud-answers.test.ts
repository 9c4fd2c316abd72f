/** What a whole cloud answers on every route, at every version, against the facts' schemas and Nova's own samples; and the table of it. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { test, type TestContext } from 'node:test'
import { startCloud } from '../functional/whole-cloud.ts'
import { answersOf } from './answers.ts'
import { haveFacts } from './facts.ts'
import { differencesOf, pageOf, rowsOf } from './table.ts'

const PAGE = resolve(import.meta.dirname, '../../docs/api/parity.md')

/** Routes that are asked elsewhere: of versions, of a compute that would come back. */
const NOT_ASKED = ['DELETE /os-services/{}', 'GET /', 'GET /versions/{}']

/** Shelved servers stay on their hosts, so that they can be told to leave. */
function configuration(t: Pick<TestContext, 'after'>): string {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-parity-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'nova.conf')
  writeFileSync(file, '[DEFAULT]\nshelved_offload_time = -1\n')
  return file
}

/** The same functions as the actions of `/servers`, which are asked; and what goes away. */
const OTHER_NAME = /^(POST|DELETE) \/os-volumes_boot\/\{\}/

if (haveFacts) {
  test('answers of a cloud are what the schemas and the samples say', async (t) => {
    const answers = await answersOf(await startCloud(t, { hosts: 3, configFiles: [configuration(t)] }))
    const unasked = answers.unasked.filter((key) => !NOT_ASKED.includes(key) && !OTHER_NAME.test(key))
    const rows = rowsOf(answers)
    const page = pageOf(rows, answers, unasked)
    if (process.env['KILONOVA_WRITE_PARITY'] !== undefined) {
      mkdirSync(dirname(PAGE), { recursive: true })
      writeFileSync(PAGE, page)
    }
    assert.deepEqual(answers.failures, [])
    assert.ok(answers.asked > 4000, `only ${answers.asked} were asked`)
    assert.deepEqual(unasked, [])
    assert.deepEqual(answers.unneeded, [])
    assert.deepEqual(differencesOf(rows, answers), [])
    assert.equal(readFileSync(PAGE, 'utf8'), page, 'docs/api/parity.md is old: npm run parity -- --write')
  })
}
