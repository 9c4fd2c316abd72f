/** The page of states says what the tables say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { currentPage, statesPage } from './draw-states.ts'

test('docs/instance-states.md is what tools/draw-states.ts writes', () => {
  assert.equal(currentPage(), statesPage())
})
