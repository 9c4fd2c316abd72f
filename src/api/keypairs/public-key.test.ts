import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault } from '#lib/fault.ts'
import { generateCertificate } from './certificate.ts'
import { fingerprintOf, generateSshKey } from './public-key.ts'

test('a generated key pair belongs together, and ssh-keygen agrees on both halves', async (t) => {
  const { privateKey, publicKey } = await generateSshKey()
  const dir = mkdtempSync(join(tmpdir(), 'key-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'id'), privateKey, { mode: 0o600 })
  writeFileSync(join(dir, 'id.pub'), publicKey)
  const derived = execFileSync('ssh-keygen', ['-y', '-f', join(dir, 'id')]).toString()
  assert.equal(derived.split(' ')[1]?.trim(), publicKey.split(' ')[1])
  const listed = execFileSync('ssh-keygen', ['-l', '-E', 'md5', '-f', join(dir, 'id.pub')]).toString()
  assert.ok(listed.includes(fingerprintOf('ssh', publicKey)))
})

test('a generated certificate is signed by its own key and for client log-in', async () => {
  const { privateKey, publicKey } = await generateCertificate()
  const certificate = new X509Certificate(publicKey)
  assert.ok(certificate.verify(createPublicKey(privateKey)))
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2'])
  assert.match(fingerprintOf('x509', publicKey), /^([0-9a-f]{2}:){19}[0-9a-f]{2}$/)
})

for (const bad of [
  '',
  'ssh-rsa',
  'ssh-rsa AAAA',
  'ssh-rsa !!!!',
  `ssh-rsa ${Buffer.from('\0\0\0\x07ssh-dss').toString('base64')}`,
  'x'.repeat(100_000),
]) {
  test(`refuses ${JSON.stringify(bad.slice(0, 30))} as a key`, () => {
    assert.throws(
      () => fingerprintOf('ssh', bad),
      (error) => error instanceof Fault && error.kind === 'badRequest',
    )
  })
}

test('refuses what is no certificate', () => {
  assert.throws(
    () => fingerprintOf('x509', 'ssh-rsa AAAA'),
    (error) => error instanceof Fault && error.kind === 'badRequest',
  )
})
