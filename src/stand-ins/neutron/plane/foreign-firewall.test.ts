/** Exceptions in another firewall: made once where it drops, none where it does not, and taken back. */
import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { silentLog } from '#lib/log.ts'
import { createForeignFirewall } from './foreign-firewall.ts'

/** An iptables whose chain is the lines of a file. */
const IPTABLES = `#!/bin/sh
rules="$(dirname "$0")/rules"
shift
case "$1" in
  -S) cat "$rules" ;;
  -I) shift 2; echo "-A FORWARD $*" >> "$rules" ;;
  -D) shift 2; grep -vxF -e "-A FORWARD $*" "$rules" > "$rules.new"; mv "$rules.new" "$rules" ;;
esac
`
let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kn-firewall-'))
  await writeFile(join(dir, 'iptables'), IPTABLES)
  await chmod(join(dir, 'iptables'), 0o755)
})
afterEach(() => rm(dir, { recursive: true }))

const firewall = () =>
  createForeignFirewall({ tools: [join(dir, 'iptables')], prefix: 'kn1234', log: silentLog })
const rules = () => readFile(join(dir, 'rules'), 'utf8')
const DOCKERS = '-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n'

describe('another firewall', () => {
  it('that drops gets an exception for our devices, once, and loses it at the end', async () => {
    await writeFile(join(dir, 'rules'), DOCKERS)
    await firewall().open()
    await firewall().open()
    assert.equal(
      await rules(),
      `${DOCKERS}-A FORWARD -i kn1234+ -j ACCEPT\n-A FORWARD -o kn1234+ -j ACCEPT\n`,
    )
    await firewall().close()
    assert.equal(await rules(), DOCKERS)
  })

  it('that lets all through is left alone', async () => {
    await writeFile(join(dir, 'rules'), '-P FORWARD ACCEPT\n')
    await firewall().open()
    await firewall().close()
    assert.equal(await rules(), '-P FORWARD ACCEPT\n')
  })
})
