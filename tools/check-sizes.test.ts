import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkSize } from './check-sizes.ts'

const lines = (count: number): string => 'x\n'.repeat(count)

test('a file of 400 lines fits a sitting, one of 401 does not', () => {
  assert.equal(checkSize('src/a.ts', lines(400)), undefined)
  assert.match(checkSize('src/a.ts', lines(401)) ?? '', /401 lines/)
})

test('a door has at most 40 lines', () => {
  assert.equal(checkSize('src/a/index.ts', lines(40)), undefined)
  assert.match(checkSize('src/a/index.ts', lines(41)) ?? '', /at most 40/)
})

test('drawers and names that are not kebab-case are refused', () => {
  assert.match(checkSize('src/a/utils.ts', '') ?? '', /drawer/)
  assert.match(checkSize('src/a/serverView.ts', '') ?? '', /kebab-case/)
})
