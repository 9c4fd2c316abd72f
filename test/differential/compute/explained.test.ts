/** The table of explained differences: read as it stands on its page, and no wider than it says. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { explains, readExplanations } from './explained.ts'
import { EXPLANATIONS_PAGE } from './run.ts'

test('a row explains what begins as it says, of its records, and nothing else', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-explained-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const page = join(dir, 'page.md')
  const row = '| 199, 203 | `GET /x` | types: `.host: expected string, got null\\|string` | it was on none |'
  writeFileSync(page, `# Page\n\n| records | request | difference | why |\n|---|---|---|---|\n${row}\n`)
  const [explanation] = readExplanations(page)
  assert.ok(explanation)
  assert.equal(explanation.why, 'it was on none')
  const seen = { record: '203', kind: 'types', text: '.host: expected string, got null|string and more' }
  assert.equal(explains(explanation, seen), true)
  for (const other of [{ record: '204' }, { kind: 'keys' }, { text: '.hosts: expected string, got null' }])
    assert.equal(explains(explanation, { ...seen, ...other }), false)
  writeFileSync(page, '| 199 | `GET /x` | types .host | no colon |\n')
  assert.throws(() => readExplanations(page), /cannot be read/)
})

test('every row of the page that is read says why', () => {
  const rows = readExplanations(EXPLANATIONS_PAGE)
  assert.ok(rows.length > 0)
  assert.deepEqual(
    rows.filter(({ why }) => why === ''),
    [],
  )
})
