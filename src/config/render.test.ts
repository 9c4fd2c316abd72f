/** The generated files are what the declarations say, and the sample is a file the reader accepts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { declared } from './groups.ts'
import { readIni } from './ini.ts'
import { renderSample } from './render.ts'
import { staleFiles } from '../../tools/make-config-docs.ts'

test('docs/configuration.md and docs/nova.conf.sample are fresh', () => {
  assert.deepEqual(staleFiles(), [], 'run tools/make-config-docs.ts')
})

test('every option of the sample, taken out of its comment, is one the reader knows', () => {
  const { assignments, problems } = readIni(renderSample().replaceAll(/^#(?! )/gm, ''))
  assert.deepEqual(problems, [])
  assert.ok(assignments.length > 220)
  for (const { section, key } of assignments) assert.ok(declared(section, key), `${section}.${key}`)
})
