/** Creating servers through HTTP: what is written, refused and answered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listInstanceActions } from '#db/instance-actions.ts'
import { getInstance } from '#db/instances.ts'
import { insertKeyPair } from '#db/keypairs.ts'
import { findBuildParams, listLiveOperations } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { eventually } from '../../eventually.ts'
import { IMAGE_ID, NETWORK_ID, PROJECT } from './compute-api.ts'
import { message, startCloud } from './servers-there.ts'

test('a create writes instance, action and operation, nudges the conductor, and answers as Nova', async (t) => {
  const api = await startCloud(t)
  const nudges: unknown[] = []
  await api.bus.serve('conductor', { operationReady: async (payload) => (nudges.push(payload), null) })
  const now = Date.now()
  const key = {
    userId: 'demo-user',
    name: 'k',
    type: 'ssh',
    fingerprint: 'f',
    publicKey: 'ssh-rsa k',
  } as const
  await insertKeyPair(api.db.typed<NovaDb>(), key, { now })
  const answer = await api.send(`POST /${PROJECT}/servers`, {
    at: '2.94',
    body: {
      server: {
        name: ' web 1',
        imageRef: IMAGE_ID,
        flavorRef: '42',
        networks: [{ uuid: NETWORK_ID, tag: 'nic0' }],
        key_name: 'k',
        metadata: { a: 'b' },
        tags: ['t', 't'],
        user_data: 'IyEvYmluL3NoCg==',
        description: 'd',
      },
      'os:scheduler_hints': { different_host: IMAGE_ID },
    },
  })
  assert.equal(answer.status, 400, 'a name with leading space')
  assert.match(message(answer.body), /Can not start or end with whitespace/)
  const body = {
    server: {
      name: 'web_1.example',
      imageRef: IMAGE_ID,
      flavorRef: '42',
      networks: [{ uuid: NETWORK_ID, tag: 'nic0' }],
      key_name: 'k',
      metadata: { a: 'b' },
      tags: ['t', 't'],
      user_data: 'IyEvYmluL3NoCg==',
      description: 'd',
    },
    'os:scheduler_hints': { different_host: IMAGE_ID },
  }
  const made = await api.send(`POST /${PROJECT}/servers`, { at: '2.94', body })
  assert.equal(made.status, 202, made.text)
  const server = made.body.server as Record<string, unknown>
  const uuid = String(server.id)
  assert.deepEqual(Object.keys(server).sort(), [
    'OS-DCF:diskConfig',
    'adminPass',
    'id',
    'links',
    'security_groups',
  ])
  assert.match(String(server.adminPass), /^\w{12}$/)
  assert.equal(made.headers.location, `http://localhost:80/v2.1/${PROJECT}/servers/${uuid}`)

  const db = api.db.typed<NovaDb>()
  const instance = await getInstance(db, uuid)
  assert.equal(instance.hostname, 'web-1-example')
  assert.deepEqual([instance.vmState, instance.taskState], ['building', 'scheduling'])
  assert.deepEqual([instance.keyData, instance.tags, instance.metadata], ['ssh-rsa k', ['t'], { a: 'b' }])
  const [operation] = await listLiveOperations(db, uuid)
  assert.equal(operation?.saga, 'build-server')
  await eventually(() => nudges.length > 0)
  assert.deepEqual(nudges, [{ operationId: operation?.id }])
  const params = await findBuildParams(db, uuid)
  assert.deepEqual(params?.networks, [
    { networkId: NETWORK_ID, portId: null, fixedIp: null, securityGroupIds: [], tag: 'nic0' },
  ])
  assert.deepEqual(params?.spec.schedulerHints, { different_host: IMAGE_ID })
  const [action] = await listInstanceActions(db, uuid)
  assert.equal(action?.action, 'create')
  assert.equal(action?.requestId, made.headers['x-openstack-request-id'])
})

test('what cannot be created is refused in the words of Nova, and nothing is written', async (t) => {
  const api = await startCloud(t)
  const no = '11111111-2222-3333-4444-555555555555'
  await api.send('POST /flavors', {
    as: 'admin',
    body: { flavor: { name: 'diskless', id: 'zero', ram: 64, vcpus: 1, disk: 0 } },
  })
  await api.send('POST /flavors', {
    as: 'admin',
    body: { flavor: { name: 'huge', id: 'huge', ram: 16_384, vcpus: 8, disk: 1 } },
  })
  api.there.images.push({ ...api.there.images[0]!, id: '00000000-0000-4000-8000-000000000001', minDiskGb: 2 })
  api.there.images.push({
    ...api.there.images[0]!,
    id: '00000000-0000-4000-8000-000000000002',
    status: 'queued',
  })
  const table: [object, number, string | RegExp][] = [
    [{ networks: undefined }, 400, /'networks' is a required property$/],
    [{ imageRef: undefined }, 400, 'Missing imageRef attribute'],
    [{ imageRef: no }, 400, 'Can not find requested image'],
    [
      { imageRef: 'x' },
      400,
      /^Invalid input for field\/attribute imageRef. Value: x. 'x' is not valid under any/,
    ],
    [
      { imageRef: '00000000-0000-4000-8000-000000000001' },
      400,
      /^Flavor's disk is smaller than the minimum size/,
    ],
    [{ imageRef: '00000000-0000-4000-8000-000000000002' }, 400, /is not active\.$/],
    [{ flavorRef: 'nope' }, 400, 'Flavor nope could not be found.'],
    [{ flavorRef: 'zero' }, 403, 'Only volume-backed servers are allowed for flavors with zero disk.'],
    [{ networks: [{ uuid: no }] }, 400, `Network ${no} could not be found.`],
    [{ networks: [{ port: no }] }, 400, `Port id ${no} could not be found.`],
    [{ networks: 'some' }, 400, /'some' is not valid under any of the given schemas$/],
    [{ key_name: 'nope' }, 400, 'Invalid key_name provided.'],
    [{ security_groups: [{ name: 'nope' }] }, 400, "Unable to find security_group with name or id 'nope'"],
    [{ min_count: 3, max_count: 2 }, 400, 'min_count must be <= max_count'],
    [
      { min_count: 11 },
      403,
      'Quota exceeded for instances: Requested 11, but already used 0 of 10 instances',
    ],
    [
      { flavorRef: 'huge', min_count: 4 },
      403,
      'Quota exceeded for cores, ram: Requested 32, 65536, but already used 0, 0 of 20, 51200 cores, ram',
    ],
    [{ user_data: 'not base64!' }, 400, /'not base64!' is not a 'base64'$/],
    [{ availability_zone: 'nope' }, 400, 'The requested availability zone is not available'],
    [
      { availability_zone: 'nova:h1' },
      403,
      "Policy doesn't allow os_compute_api:servers:create:forced_host to be performed.",
    ],
    [
      { host: 'h1' },
      403,
      "Policy doesn't allow compute:servers:create:requested_destination to be performed.",
    ],
    [
      { block_device_mapping_v2: [{ boot_index: 0 }] },
      400,
      'Block Device Mapping is Invalid: Missing device UUID.',
    ],
    [
      { metadata: Object.fromEntries(Array.from({ length: 129 }, (_, n) => [`k${n}`, 'v'])) },
      403,
      'Maximum number of metadata items exceeds 128',
    ],
  ]
  for (const [change, status, text] of table) {
    const server = { name: 's', imageRef: IMAGE_ID, flavorRef: '42', networks: 'none', ...change }
    const answer = await api.send('POST /servers', { at: '2.90', body: { server } })
    assert.equal(answer.status, status, `${JSON.stringify(change)}: ${answer.text}`)
    if (typeof text === 'string') assert.equal(message(answer.body), text)
    else assert.match(message(answer.body), text)
  }
  assert.deepEqual((await api.send('GET /servers')).body, { servers: [] })
  const reader = await api.send('POST /servers', {
    as: 'reader',
    at: '2.90',
    body: { server: { name: 's', imageRef: IMAGE_ID, flavorRef: '42', networks: 'none' } },
  })
  assert.equal(reader.status, 403)
})

test('several servers of one request are numbered and share a reservation', async (t) => {
  const api = await startCloud(t)
  const server = {
    name: 'many',
    imageRef: IMAGE_ID,
    flavorRef: '42',
    networks: 'auto',
    min_count: 2,
    max_count: 30,
    return_reservation_id: 'yes',
  }
  const answer = await api.send('POST /servers', { at: '2.37', body: { server } })
  assert.equal(answer.status, 202, answer.text)
  assert.match(String(answer.body.reservation_id), /^r-[0-9a-z]{8}$/)
  const list = await api.send(
    `GET /servers?reservation_id=${String(answer.body.reservation_id)}&sort_key=display_name&sort_dir=asc`,
  )
  const names = (list.body.servers as { name: string }[]).map(({ name }) => name)
  assert.equal(names.length, 10, 'as many as quota allows')
  assert.ok(names.includes('many-1') && names.includes('many-10'))
})

test('the password and the files of a create go to the operation that builds the server, until 2.56', async (t) => {
  const api = await startCloud(t)
  const personality = [{ path: '/etc/motd', contents: 'aGVsbG8=' }]
  const wish = { name: 'f', imageRef: IMAGE_ID, flavorRef: '42', networks: 'none', adminPass: 'mine' }
  const server = { ...wish, personality }
  const made = await api.send('POST /servers', { at: '2.56', body: { server } })
  assert.equal(made.status, 202, made.text)
  const { id, adminPass } = made.body.server as Record<string, unknown>
  assert.equal(adminPass, 'mine')
  const params = await findBuildParams(api.db.typed<NovaDb>(), String(id))
  assert.deepEqual(params?.injected, { adminPass: 'mine', files: personality })
  const halves = { ...server, personality: [{ path: '/etc/motd' }] }
  const refused = await api.send('POST /servers', { at: '2.56', body: { server: halves } })
  assert.deepEqual([refused.status, message(refused.body)], [400, 'Bad personality format: missing contents'])
  assert.equal((await api.send('POST /servers', { at: '2.57', body: { server } })).status, 400)
})
