/** Whatever is sent, the answer is one of the API's, and never a server error. Seeded: what fails once fails again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { IMAGE_ID, NETWORK_ID, startApi } from './compute-api.ts'
import { activate, startCloud } from './servers-there.ts'

const SEED = 20_260_801

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom(
    '',
    ' ',
    '__proto__',
    'constructor',
    '../..',
    '%00',
    '\u0000',
    "' or 1=1 --",
    IMAGE_ID,
    '9'.repeat(40),
  ),
)
const anyValue = fc.oneof(
  anyText,
  fc.constantFrom<unknown>(null, true, -1, 0, 1e308, 2 ** 53, 1.5, [], {}, ['x'], [[]], [{}]),
  fc.jsonValue({ maxDepth: 3 }),
)

const PATHS = [
  'POST /servers',
  'GET /servers/detail',
  'PUT /servers/{id}',
  'POST /servers/{id}/action',
  'PUT /servers/{id}/metadata',
  'PUT /servers/{id}/metadata/{any}',
  'PUT /servers/{id}/tags/{any}',
  'PUT /servers/{id}/tags',
  'GET /servers/{any}',
  'POST /servers/{id}/remote-consoles',
  'GET /servers/{id}/os-instance-actions/{any}',
  'GET /servers/{id}/os-interface/{any}',
  'POST /flavors',
  'PUT /flavors/{any}',
  'POST /flavors/42/os-extra_specs',
  'PUT /flavors/42/os-extra_specs/{any}',
  'POST /flavors/42/action',
  'POST /os-keypairs',
  'GET /os-keypairs/{any}',
  'PUT /os-services/{any}',
  'DELETE /os-services/{any}',
  'GET /os-hypervisors/{any}',
  'PUT /os-quota-sets/{any}',
  'POST /os-server-external-events',
  'GET /os-migrations',
  'PUT /os-hosts/{any}',
  'POST /os-server-groups',
  'GET /os-server-groups/{any}',
  'POST /os-aggregates',
  'PUT /os-aggregates/{any}',
  'POST /os-aggregates/1/action',
  'POST /servers/{id}/os-interface',
  'DELETE /servers/{id}/os-interface/{any}',
  'POST /servers/{id}/os-volume_attachments',
  'PUT /servers/{id}/os-volume_attachments/{any}',
  'DELETE /servers/{id}/os-volume_attachments/{any}',
  'POST /os-volumes',
  'GET /os-snapshots/{any}',
  'POST /os-snapshots',
  'GET /{any}/{any}',
]

const SERVER = { name: 's', imageRef: IMAGE_ID, flavorRef: '42', networks: [{ uuid: NETWORK_ID }] }
const FIELDS = [
  'name',
  'imageRef',
  'flavorRef',
  'networks',
  'metadata',
  'min_count',
  'max_count',
  'user_data',
  'key_name',
  'availability_zone',
  'block_device_mapping_v2',
  'security_groups',
  'config_drive',
  'tags',
  'hostname',
  'adminPass',
]

/** Bodies near enough to a good one to come far. */
const nearServer = fc
  .tuple(fc.constantFrom(...FIELDS), anyValue)
  .map(([field, value]) => ({ server: { ...SERVER, [field]: value } }))
const wrapped = fc
  .tuple(
    fc.constantFrom(
      'server',
      'flavor',
      'keypair',
      'reboot',
      'os-start',
      'metadata',
      'meta',
      'tags',
      'extra_specs',
      'server_group',
      'aggregate',
      'set_metadata',
    ),
    anyValue,
  )
  .map(([name, value]) => ({ [name]: value }))
const anyBody = fc.oneof(nearServer, wrapped, anyValue)

test('bad input gets a fitting answer', async (t) => {
  const api = await startCloud(t)
  const uuid = await api.make()
  await activate(api, uuid)
  const request = fc.record({
    path: fc.constantFrom(...PATHS),
    word: anyText,
    query: fc.oneof(
      fc.constant(''),
      anyText.map((text) => `?${encodeURIComponent(text)}`),
      fc.constantFrom(
        '?name=(',
        '?limit=99999999999999999999',
        '?marker=',
        '?changes-since=0',
        '?sort_key=uuid&sort_key=uuid',
        '?ip=*',
        '?tags=,,',
        '?status=&status=x',
      ),
    ),
    body: anyBody,
    at: fc.constantFrom('2.1', '2.26', '2.37', '2.75', '2.90', '2.104'),
    as: fc.constantFrom('demo' as const, 'admin' as const),
  })
  await fc.assert(
    fc.asyncProperty(request, async ({ path, word, query, body, at, as }) => {
      const url = path.replaceAll('{id}', uuid).replaceAll('{any}', encodeURIComponent(word))
      const [method] = url.split(' ')
      const answer = await api.send(url + query, {
        as,
        at,
        body: method === 'GET' ? undefined : JSON.stringify(body),
      })
      assert.ok(answer.status < 500, `${url}${query} ${JSON.stringify(body)}: ${answer.text}`)
      if (answer.status >= 400) assert.match(answer.text, /"message"/)
    }),
    { seed: SEED, numRuns: 600 },
  )
})

test('bodies that are no JSON, or too deep, are refused', async (t) => {
  const { send } = await startApi(t)
  const bodies = [
    '{',
    'nul',
    '[',
    '\u0000',
    '{"server":',
    '"'.repeat(9),
    '['.repeat(50_000) + ']'.repeat(50_000),
  ]
  for (const body of bodies)
    assert.equal((await send('POST /servers', { body })).status, 400, body.slice(0, 20))
  const pollution = await send('POST /flavors', {
    as: 'admin',
    body: '{"__proto__": {"isAdmin": true}, "flavor": {}}',
  })
  assert.equal(pollution.status, 400)
  assert.equal(Object.hasOwn(Object.prototype, 'isAdmin'), false)
})
