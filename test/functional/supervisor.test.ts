/** A service tells its supervisor, over a real datagram socket, when it is ready, reloads, lives and stops. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../end-to-end/cloud-process.ts'
import { eventually } from '../eventually.ts'

/** What systemd does: receives datagrams, and prints each. Closes the barriers that senders wait for. */
const RECEIVER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    data, fds, _, _ = socket.recv_fds(s, 4096, 8)
    for fd in fds:
        os.close(fd)
    print(' '.join(data.decode().split()), flush=True)
`

test('ready, reloading, alive and stopping are told', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-notify-'))
  const conf = join(dir, 'nova.conf')
  const socket = join(dir, 'notify.sock')
  writeFileSync(
    conf,
    `[database]
connection = sqlite://${dir}/nova.sqlite
[keystone_authtoken]
auth_url = http://127.0.0.1:9/identity
username = nova
password = secret
project_name = service
[DEFAULT]
transport_url = in-process://
osapi_compute_listen_port = 0
`,
  )
  execFileSync(process.execPath, [join(ROOT, 'bin/nova-manage.mjs'), '--config-file', conf, 'db', 'sync'])
  const receiver = spawn('python3', ['-c', RECEIVER, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  let told = ''
  receiver.stdout.on('data', (data: Buffer) => (told += data.toString()))
  await eventually(() => existsSync(socket) || undefined, { what: 'the receiver' })
  const api = spawn(process.execPath, [join(ROOT, 'bin/nova-api.mjs'), '--config-file', conf], {
    env: { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' },
    stdio: 'ignore',
  })
  t.after(() => {
    for (const child of [api, receiver]) child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  })
  const hears = (pattern: RegExp) =>
    eventually(() => pattern.test(told) || undefined, { withinMs: 30_000, what: `${pattern} in:\n${told}` })
  await hears(/^READY=1 STATUS=listening at http:/m)
  await hears(/^WATCHDOG=1$/m)
  api.kill('SIGHUP')
  await hears(/^RELOADING=1 MONOTONIC_USEC=\d+$[^]*^READY=1 /m)
  const ended = once(api, 'exit')
  api.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
  await hears(/^STOPPING=1$/m)
})
