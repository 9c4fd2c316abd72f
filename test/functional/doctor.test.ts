/** The doctor says what is broken and how to mend it, and has nothing to say of a sound cloud. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { doctor } from '../../src/cli/commands/doctor.ts'
import { eventually } from '../eventually.ts'
import { startCloud } from './whole-cloud.ts'

async function examine(conf: string): Promise<{ code: number; lines: string[]; output: string }> {
  const lines: string[] = []
  const code = await doctor(['--config-file', conf], (line) => lines.push(...line.split('\n')))
  return { code, lines, output: lines.join('\n') }
}

test('a sound cloud is told to be sound', async (t) => {
  const { cloud, stateDir, as } = await startCloud(t)
  const state = JSON.parse(readFileSync(join(stateDir, 'state.json'), 'utf8')) as {
    passwords: Record<string, string>
  }
  const conf = join(stateDir, 'nova.conf')
  writeFileSync(
    conf,
    `[DEFAULT]
my_ip = 127.0.0.1
compute_driver = fake.FakeDriver
transport_url = in-process://
[database]
connection = sqlite://${stateDir}/kilonova.sqlite
[vnc]
novncproxy_base_url = ${cloud.url}/novnc/vnc_auto.html
[keystone_authtoken]
auth_url = ${cloud.url}/identity/v3
username = nova
password = ${state.passwords['nova']}
project_name = service
`,
  )
  const admin = await as('admin')
  await eventually(
    async () => ((await admin.ok('compute', 'GET', '/os-services')).services as object[]).length >= 3,
    { withinMs: 20_000, what: 'every service reporting' },
  )
  const { code, output } = await examine(conf)
  assert.equal(code, 0, output)
  for (const sound of [
    /^ok +database +sqlite answers$/m,
    /^ok +schema +version \d+, as this release needs$/m,
    /^ok +services +3 up$/m,
    /^ok +keystone +a token for nova$/m,
    /^ok +clock +within \d s of Keystone's$/m,
    /^ok +catalog +placement answers at http/m,
    /^ok +placement +lets us read its 1 providers$/m,
    /^Nothing is broken\.$/m,
  ])
    assert.match(output, sound)
  assert.doesNotMatch(output, /FAILED/)
})

test('each thing that is broken is named, with the line that mends it', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-doctor-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const conf = join(dir, 'nova.conf')
  writeFileSync(
    conf,
    `[DEFAULT]
my_ip = 203.0.113.7
compute_driver = fake.FakeDriver
transport_url = rabbit://guest:guest@127.0.0.1:9/
no_such_option = 1
[database]
connection = sqlite://${dir}/empty.sqlite
[vnc]
novncproxy_base_url = http://127.0.0.1:9/vnc_auto.html
[keystone_authtoken]
auth_url = http://127.0.0.1:9/identity/v3
username = nova
password = wrong
project_name = service
`,
  )
  const { code, lines, output } = await examine(conf)
  assert.equal(code, 1, output)
  const mended = (name: string): string | undefined => {
    const at = lines.findIndex((line) => new RegExp(`^(FAILED|warning) +${name} `).test(line))
    return at < 0 ? undefined : /mend: (.*)/.exec(lines[at + 1] ?? '')?.[1]
  }
  assert.match(output, /no_such_option/)
  assert.equal(mended('network'), 'set [DEFAULT] my_ip to an address of this machine')
  assert.equal(mended('schema'), 'nova-manage db sync')
  assert.match(mended('bus') ?? '', /start RabbitMQ/)
  assert.match(mended('keystone') ?? '', /start Keystone, or correct \[keystone_authtoken\]/)
  for (const name of ['clock', 'catalog', 'placement']) assert.equal(mended(name), 'see keystone above')
  assert.match(output, /^FAILED +bus .*ECONNREFUSED/m)
  assert.match(mended('consoles') ?? '', /start nova-novncproxy/)
  assert.match(output, /keystone .*ECONNREFUSED/)
  for (const secret of ['wrong', 'guest:guest'])
    assert.ok(!output.includes(secret), 'passwords are not printed')

  writeFileSync(conf, '[DEFAULT]\nservice_down_time = soon\n')
  assert.equal((await examine(conf)).code, 2)
  writeFileSync(
    conf,
    '[DEFAULT]\ntransport_url = in-process://\n[database]\nconnection = postgresql://nova:hidden@127.0.0.1:9/nova\n',
  )
  const away = await examine(conf)
  assert.match(away.output, /^FAILED +database +The database does not answer: .*ECONNREFUSED.*$/m)
  assert.match(away.output, /^FAILED +schema .*\n +mend: see the database above$/m)
  assert.ok(!away.output.includes('hidden'))
})
