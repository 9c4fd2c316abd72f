/** The metadata service over HTTP: who is answered, what stands where, and a password that is told once. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { insertBlockDevices } from '#db/block-devices.ts'
import { openDatabase } from '#db/kit/index.ts'
import { insertInstances, updateInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
import { randomIds } from '#lib/ids.ts'
import { silentLog } from '#lib/log.ts'
import { createMetadata } from './index.ts'

const SECRET = 's3cret'
const PROJECT = 'p1'
const CACHE_MS = 15_000
const uuid = randomIds.uuid()

let now = 1_000_000
const db = openDatabase('sqlite://')
const service = createMetadata({
  db,
  log: silentLog,
  ids: randomIds,
  clock: { now: () => now, sleep: async () => {} },
  config: { sharedSecret: SECRET, cacheMs: CACHE_MS, domain: 'novalocal', vendorData: {} },
})

before(async () => {
  await db.migrate('nova', NOVA_MIGRATIONS)
  const flavor = {
    id: 1,
    flavorId: '1',
    name: 'm1.nano',
    vcpus: 1,
    memoryMb: 128,
    rootGb: 1,
    ephemeralGb: 0,
    swapMb: 0,
    rxtxFactor: 1,
    isPublic: true,
    disabled: false,
    description: null,
    extraSpecs: {},
  }
  const instance = {
    uuid,
    projectId: PROJECT,
    userId: 'u',
    displayName: 'one',
    hostname: 'one',
    vmState: 'active' as const,
    imageRef: 'i',
    flavor,
    reservationId: 'r-1',
    keyName: 'k',
    keyData: 'ssh-rsa AAAA',
    userData: Buffer.from('hello').toString('base64'),
  }
  await insertInstances(db.typed<NovaDb>(), [instance], { now })
  await service.start()
})
after(async () => {
  await service.close()
  await db.close()
})

const sign = (id: string) => createHmac('sha256', SECRET).update(id).digest('hex')
const headersOf = (id: string, tenant = PROJECT) => ({
  'x-instance-id': id,
  'x-tenant-id': tenant,
  'x-instance-id-signature': sign(id),
})
const ask = (
  url: string,
  headers: Record<string, string | string[]> = headersOf(uuid),
  more: { method?: 'POST'; payload?: string } = {},
) => service.app.inject({ method: 'GET', url, headers, ...more })
const text = async (url: string) => {
  const answer = await ask(url)
  assert.equal(answer.statusCode, 200, `${url}: ${answer.body}`)
  return answer.body
}

describe('who is answered', () => {
  it('is the guest that the agent names and signs for, in its own project', async () => {
    const { 'x-instance-id-signature': _signature, ...unsigned } = headersOf(uuid)
    const other = randomIds.uuid()
    const cases: [number, Record<string, string | string[]>][] = [
      [200, headersOf(uuid)],
      [400, {}],
      [400, unsigned],
      [403, { ...headersOf(uuid), 'x-instance-id-signature': sign(other) }],
      [403, { ...headersOf(uuid), 'x-instance-id-signature': ''.padEnd(64, '0') }],
      [404, headersOf(uuid, 'p2')],
      [404, headersOf(other)],
      [400, headersOf(`${uuid}, ${other}`)],
    ]
    for (const [status, headers] of cases)
      assert.equal(
        (await ask('/openstack/latest/meta_data.json', headers)).statusCode,
        status,
        JSON.stringify(headers),
      )
  })
})

describe('what stands where', () => {
  it('is listed as Nova lists it', async () => {
    assert.match(await text('/'), /^1\.0\n2007-01-19\n[\s\S]*2009-04-04\nlatest$/)
    assert.match(await text('/openstack'), /^2012-08-10\n[\s\S]*2025-04-04\nlatest$/)
    assert.equal(
      await text('/openstack/latest/'),
      'meta_data.json\nuser_data\npassword\nvendor_data.json\nnetwork_data.json\nvendor_data2.json',
    )
    assert.equal(await text('/openstack/2012-08-10'), 'meta_data.json\nuser_data')
    assert.equal(await text('/latest'), 'meta-data/\nuser-data')
    assert.match(
      await text('/latest/meta-data/'),
      /^ami-id\nami-launch-index\n[\s\S]*\nplacement\/\n[\s\S]*public-keys\/\n/,
    )
    assert.equal(await text('/2009-04-04/meta-data/public-keys/'), '0=k')
    assert.equal(await text('/2009-04-04/meta-data/public-keys/0/'), 'openssh-key')
  })

  it('is read by its path, with EC2’s name before it or not', async () => {
    assert.equal(await text('/latest/meta-data/public-keys/0/openssh-key'), 'ssh-rsa AAAA')
    assert.equal(await text('/ec2/latest/meta-data/hostname'), 'one.novalocal')
    assert.equal(await text('/latest/meta-data//placement/../hostname'), 'one.novalocal')
    assert.equal(await text('/latest/meta-data/ami-launch-index'), '0')
    assert.equal(await text('/latest/user-data'), 'hello')
    assert.equal(await text('/openstack/2012-08-10/user_data'), 'hello')
    const answer = await ask('/openstack/latest/meta_data.json')
    assert.match(String(answer.headers['content-type']), /^application\/json/)
    assert.equal(answer.json<{ uuid: string }>().uuid, uuid)
  })

  it('is a 404 elsewhere', async () => {
    const paths = [
      '/openstack/1999-01-01/',
      '/openstack/latest/nothing',
      '/openstack/2012-08-10/password',
      '/openstack/2012-08-10/network_data.json',
      '/latest/meta-data/nothing',
      '/latest/meta-data/hostname/deeper',
      '/latest/meta-data/constructor',
      '/latest/meta-data/public-keys/0/_name',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/a%zz',
    ]
    for (const path of paths) assert.ok([400, 404].includes((await ask(path)).statusCode), path)
  })
})

describe('the password', () => {
  it('is told once, and read back', async () => {
    const tell = (payload: string) =>
      ask(
        '/openstack/latest/password',
        { ...headersOf(uuid), 'content-type': 'text/plain' },
        { method: 'POST', payload },
      )
    assert.equal(await text('/openstack/latest/password'), '')
    assert.equal((await tell('x'.repeat(1021))).statusCode, 400)
    const secret = 'y'.repeat(1020)
    assert.equal((await tell(secret)).statusCode, 200)
    assert.equal(await text('/openstack/latest/password'), secret)
    assert.equal((await tell('z')).statusCode, 409)
    assert.equal(await text('/openstack/latest/password'), secret)
  })
})

describe('a guest’s record', () => {
  it('is kept for as long as it is said to be', async () => {
    const meta = async () =>
      JSON.parse(await text('/openstack/latest/meta_data.json')) as { meta?: Record<string, string> }
    await meta()
    await updateInstance(db.typed<NovaDb>(), uuid, { metadata: { new: 'yes' } }, { now })
    assert.equal((await meta()).meta, undefined)
    now += CACHE_MS
    assert.deepEqual((await meta()).meta, { new: 'yes' })
  })
})

describe('a volume with a tag', () => {
  it('is told as a device, from the moment that the guest has it', async () => {
    const volume = {
      uuid: randomIds.uuid(),
      instanceUuid: uuid,
      sourceType: 'volume' as const,
      destinationType: 'volume' as const,
      imageId: null,
      volumeId: 'v1',
      snapshotId: null,
      deviceName: '/dev/vdb',
      bootIndex: null,
      volumeSizeGb: 1,
      guestFormat: null,
      diskBus: null,
      deviceType: null,
      deleteOnTermination: false,
      attachmentId: null,
      tag: 'data',
      volumeType: null,
    }
    await insertBlockDevices(db.typed<NovaDb>(), [volume], { now })
    now += CACHE_MS
    const told = JSON.parse(await text('/openstack/latest/meta_data.json')) as { devices: object[] }
    assert.deepEqual(told.devices, [
      { type: 'disk', bus: 'none', address: 'none', serial: 'v1', path: '/dev/vdb', tags: ['data'] },
    ])
  })
})
