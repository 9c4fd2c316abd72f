/** The metadata agent: it names the guest by where it asks from, and nobody else. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openDatabase } from '#db/kit/index.ts'
import { randomIds } from '#lib/ids.ts'
import { silentLog } from '#lib/log.ts'
import type { PortDoc } from './documents.ts'
import { createMetadataAgent } from './metadata-agent.ts'
import { migrations, type NeutronTables } from './migrations.ts'
import { insertDoc } from './store.ts'

const SECRET = 'secret'
const [network, twin, router, guest, stranger] = Array.from({ length: 5 }, () => randomIds.uuid())
const stored = {
  project_id: 'p1',
  name: '',
  description: '',
  tags: [],
  revision_number: 1,
  created_at: '',
  updated_at: '',
}

const port = (more: Partial<PortDoc>): PortDoc => ({
  ...stored,
  id: randomIds.uuid(),
  network_id: network ?? '',
  admin_state_up: true,
  mac_address: 'fa:16:3e:00:00:01',
  fixed_ips: [{ subnet_id: 's', ip_address: '10.0.0.5' }],
  device_id: guest ?? '',
  device_owner: 'compute:nova',
  security_groups: [],
  allowed_address_pairs: [],
  port_security_enabled: true,
  dns_name: '',
  status: 'ACTIVE',
  'binding:host_id': 'h',
  'binding:vnic_type': 'normal',
  'binding:profile': {},
  'binding:vif_type': 'bridge',
  'binding:vif_details': {},
  ...more,
})

const db = openDatabase('sqlite://')
const upstream = createServer((question, answer) => {
  let body = ''
  question.on('data', (chunk: Buffer) => (body += chunk.toString()))
  question.on('end', () =>
    answer
      .writeHead(202)
      .end(JSON.stringify({ ...question.headers, url: question.url, method: question.method, body })),
  )
})
let dir: string
let agent: ReturnType<typeof createMetadataAgent>

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kn-agent-'))
  await db.migrate('neutron', migrations)
  const tables = db.typed<NeutronTables>()
  const free = port({ device_id: '', fixed_ips: [{ subnet_id: 's', ip_address: '10.0.0.6' }] })
  const other = port({ network_id: twin ?? '', device_id: stranger ?? '', project_id: 'p2' })
  const leg = port({
    device_id: router ?? '',
    device_owner: 'network:router_interface',
    fixed_ips: [{ subnet_id: 's', ip_address: '10.0.0.1' }],
  })
  for (const one of [port({}), free, other, leg]) await insertDoc(tables, 'port', one)
  await new Promise<void>((resolve) => upstream.listen(join(dir, 'nova'), resolve))
  agent = createMetadataAgent({
    db: tables,
    log: silentLog,
    upstream: { socketPath: join(dir, 'nova') },
    sharedSecret: SECRET,
    socket: { path: join(dir, 'agent'), uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
  })
  await agent.start()
})
after(async () => {
  await agent.close()
  if (upstream.listening) await new Promise((resolve) => upstream.close(resolve))
  await db.close()
  await rm(dir, { recursive: true })
})

const ask = (headers: Record<string, string>, body = '') =>
  new Promise<{ status: number; text: string }>((resolve, reject) => {
    const method = body === '' ? 'GET' : 'POST'
    const question = request(
      { socketPath: join(dir, 'agent'), path: '/openstack/latest/password', method, headers, agent: false },
      (answer) => {
        let text = ''
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
      },
    )
    question.on('error', reject)
    question.end(body)
  })
const from = (address: string, networkId = network ?? '') => ({
  'x-forwarded-for': address,
  'x-neutron-network-id': networkId,
})

describe('the metadata agent', () => {
  it('signs for the guest that has the address on that network, and hides what else it was sent', async () => {
    const answer = await ask(
      { ...from('10.0.0.5'), 'x-instance-id': stranger ?? '', 'x-tenant-id': 'p2', cookie: 'a' },
      'told',
    )
    assert.equal(answer.status, 202)
    const told = JSON.parse(answer.text) as Record<string, string>
    assert.deepEqual(
      [told['x-instance-id'], told['x-tenant-id'], told['x-forwarded-for']],
      [guest, 'p1', '10.0.0.5'],
    )
    assert.equal(
      told['x-instance-id-signature'],
      createHmac('sha256', SECRET)
        .update(guest ?? '')
        .digest('hex'),
    )
    assert.deepEqual(
      [told['method'], told['url'], told['body'], told['cookie']],
      ['POST', '/openstack/latest/password', 'told', undefined],
    )
    const other = JSON.parse((await ask(from('10.0.0.5', twin))).text) as Record<string, string>
    assert.equal(other['x-instance-id'], stranger)
  })

  it('finds the guest behind a router', async () => {
    const answer = await ask({ 'x-forwarded-for': '10.0.0.5', 'x-neutron-router-id': router ?? '' })
    assert.equal((JSON.parse(answer.text) as Record<string, string>)['x-instance-id'], guest)
  })

  it('knows nobody else', async () => {
    const strangers = [
      from('10.0.0.7'),
      from('10.0.0.6'),
      from('10.0.0.1'),
      from('10.0.0.5, 10.0.0.9'),
      from('10.0.0.5', randomIds.uuid()),
      {},
      { 'x-forwarded-for': '10.0.0.5' },
      { ...from('10.0.0.5'), 'x-neutron-router-id': router ?? '' },
    ]
    for (const headers of strangers) assert.equal((await ask(headers)).status, 404, JSON.stringify(headers))
  })

  it('listens for its own proxy only', async () => {
    assert.equal((await stat(join(dir, 'agent'))).mode & 0o777, 0o600)
  })

  it('says that Nova is away when it is', async () => {
    await new Promise((resolve) => (upstream.close(resolve), upstream.closeAllConnections()))
    assert.equal((await ask(from('10.0.0.5'))).status, 503)
  })
})
