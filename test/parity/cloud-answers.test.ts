/** What a whole cloud answers on every route, at every version, against the facts' schemas and Nova's own samples; and the table of it. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { test } from 'node:test'
import { startCloud } from '../functional/whole-cloud.ts'
import { answersOf } from './answers.ts'
import { haveFacts } from './facts.ts'
import { pageOf, rowsOf } from './table.ts'

const PAGE = resolve(import.meta.dirname, '../../docs/api/parity.md')

/** Routes that are asked elsewhere: of versions, of a compute that would come back, of audits (whose schema takes hosts for uuids), of consoles of other drivers, of an Ironic that is not there. */
const NOT_ASKED = [
  'DELETE /os-services/{}',
  'GET /',
  'GET /os-instance_usage_audit_log',
  'GET /os-instance_usage_audit_log/{}',
  'GET /os-baremetal-nodes',
  'GET /os-baremetal-nodes/{}',
  'GET /versions/{}',
  'POST /servers/{}/action#os-getRDPConsole',
  'POST /servers/{}/action#os-getSPICEConsole',
  'POST /servers/{}/action#os-getSerialConsole',
]

/** Routes, samples of requests and samples of answers that are the same. */
const countsOf = (page: string): readonly number[] =>
  (/^(\d+) of \d+ routes, (\d+) of \d+ .*, (\d+) of/m.exec(page) ?? []).slice(1).map(Number)

/** The same functions as the actions of `/servers`, which are asked; and what goes away. */
const OTHER_NAME = /^(POST|DELETE) \/os-volumes_boot\/\{\}/

if (haveFacts) {
  test('answers of a cloud are what the schemas and the samples say', async (t) => {
    const answers = await answersOf(await startCloud(t, { hosts: 2 }))
    const page = pageOf(
      rowsOf(answers),
      answers,
      answers.unasked.filter((key) => !NOT_ASKED.includes(key) && !OTHER_NAME.test(key)),
    )
    if (process.env['KILONOVA_WRITE_PARITY'] !== undefined) {
      mkdirSync(dirname(PAGE), { recursive: true })
      writeFileSync(PAGE, page)
    }
    assert.deepEqual(answers.failures, [])
    assert.ok(answers.asked > 4000, `only ${answers.asked} were asked`)
    // Routes still come: what was shown to be the same stays so, and more of it is no failure.
    const before = countsOf(readFileSync(PAGE, 'utf8'))
    const now = countsOf(page)
    for (const [index, count] of before.entries())
      assert.ok((now[index] ?? 0) >= count, `${before.join()} became ${now.join()}`)
    if (readFileSync(PAGE, 'utf8') !== page)
      t.diagnostic('docs/api/parity.md is old: npm run parity -- --write')
  })
}
