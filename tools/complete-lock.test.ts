import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { complete, type Lock, missingOptionals } from './complete-lock.ts'

const text = readFileSync(join(resolve(import.meta.dirname, '..'), 'package-lock.json'), 'utf8')

test('the lock file has every platform’s packages, so that npm ci takes it (else run tools/complete-lock.ts)', () => {
  assert.deepEqual(missingOptionals(JSON.parse(text) as Lock), [])
})

test('the lock file names no registry', () => {
  assert.equal(text.includes('"resolved"'), false)
})

test('what is missing is added with its platform', () => {
  const lock = {
    packages: {
      '': {},
      'node_modules/a': {
        version: '1.0.0',
        dev: true,
        optionalDependencies: { '@a/linux-arm64-musl': '1.0.0' },
      },
    },
  }
  assert.deepEqual(complete(lock).packages['node_modules/@a/linux-arm64-musl'], {
    version: '1.0.0',
    cpu: ['arm64'],
    dev: true,
    libc: ['musl'],
    optional: true,
    os: ['linux'],
  })
})
