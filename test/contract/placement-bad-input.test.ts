/** Nonsense never breaks Placement, on any database: it is answered with a fitting 4xx. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, suite, test } from 'node:test'
import * as fc from 'fast-check'
import { PLACEMENT_MIGRATIONS } from '#placement/index.ts'
import { claimBody, makeProvider, startPlacement } from '../placement-fixture.ts'
import { openStores } from './db.ts'

const stores = await openStores({ placement: PLACEMENT_MIGRATIONS })

for (const store of stores.filter(({ name }) => name !== 'SQLite in a file')) {
  suite(`bad input to Placement on ${store.name}`, async () => {
    const { ask, close } = await startPlacement(store.database)
    after(close)

    const ODD = [
      '',
      ' ',
      'x',
      '\0',
      'ü☃',
      '🐙',
      '%',
      "'; drop table x; --",
      '-1',
      '0',
      '1.5',
      '1e999',
      'NaN',
      '99999999999999999999',
      '../..',
      'in:',
      '!',
      'in:,',
      'VCPU',
      'VCPU:',
      'VCPU:1:2',
      ':1',
      'VCPU:-1',
      'VCPU:NaN',
      'VCPU:99999999999999999999',
      'VCPU:1,,',
      '__proto__:1',
      randomUUID(),
      'a'.repeat(3000),
    ]
    const paths = [
      ...['resource_providers', 'allocation_candidates', 'traits', 'usages', 'resource_classes'].map(
        (noun) => `/${noun}`,
      ),
      ...['', '/inventories', '/usages', '/aggregates', '/traits', '/allocations', '/inventories/VCPU'].map(
        (part) => `/resource_providers/${randomUUID()}${part}`,
      ),
      `/allocations/${randomUUID()}`,
      '/allocations',
      '/reshaper',
    ]

    test('odd parameters are answered, and never with a 5xx', async () => {
      const names = [
        'resources',
        'resources1',
        'resources_X',
        'required',
        'member_of',
        'in_tree',
        'limit',
        'group_policy',
        'same_subtree',
        'root_required',
        'uuid',
        'name',
        'associated',
        'project_id',
        'consumer_type',
        '__proto__',
        'nonsense',
      ]
      for (const path of paths.slice(0, 4)) {
        for (const name of names) {
          for (const value of ODD) {
            const url = `${path}?resources=VCPU:1&${name}=${encodeURIComponent(value)}`
            const { status } = await ask('GET', url)
            assert.ok(status === 200 || status === 400 || status === 404, `${url}: ${status}`)
          }
        }
      }
      for (const value of ODD) {
        const { status } = await ask(
          'GET',
          `/resource_providers/${encodeURIComponent(value)}/inventories/${encodeURIComponent(value)}`,
        )
        assert.ok(status < 500, `${value}: ${status}`)
      }
    })

    test('odd bodies are answered, and never with a 5xx', async () => {
      const uuid = await makeProvider(ask, { VCPU: 4 })
      const bodies = [
        '',
        '{',
        'null',
        '[]',
        '"x"',
        '1e999',
        'NaN',
        '{"name":"\\u0000"}',
        '{"name":"\\ud800"}',
        '{"__proto__":{}}',
        `{"name":${JSON.stringify('n'.repeat(201))}}`,
        '{"name":null}',
        '{"name":"x","parent_provider_uuid":"y"}',
        '{"resource_provider_generation":1e300,"inventories":{}}',
        '{"resource_provider_generation":2,"inventories":{"VCPU":{"total":1e300}}}',
        '{"resource_provider_generation":2,"inventories":{"VCPU":{"total":4,"allocation_ratio":1e-320}}}',
        '{"resource_provider_generation":2,"inventories":{"bad-name":5}}',
        JSON.stringify(claimBody(uuid, { VCPU: 1e300 })),
        JSON.stringify(claimBody(uuid, { VCPU: 1 }, { consumer_generation: 1e300 })),
        JSON.stringify(claimBody(uuid.slice(0, 35).padEnd(36, 'a'), { VCPU: 1 })),
        JSON.stringify(claimBody('-'.repeat(36), { VCPU: 1 })),
      ]
      const ofProvider = ['', '/inventories', '/aggregates', '/traits', '/inventories/VCPU'].map(
        (part) => `/resource_providers/${uuid}${part}`,
      )
      for (const path of [...paths, ...ofProvider]) {
        for (const method of ['POST', 'PUT']) {
          for (const raw of bodies) {
            const { status } = await ask(method, path, undefined, {
              raw,
              token: path === '/reshaper' ? 'service' : 'admin',
            })
            assert.ok(status < 500, `${method} ${path} ${raw.slice(0, 60)}: ${status}`)
          }
        }
      }
      const large = await ask('POST', '/resource_providers', undefined, { raw: ' '.repeat(1_048_577) })
      assert.deepEqual([large.status, large.body.errors[0].status], [413, 413])
    })

    test('whatever JSON comes, the answer is no 5xx', async () => {
      const uuid = await makeProvider(ask, { VCPU: 4 })
      const value = fc.jsonValue({ maxDepth: 4 })
      const shaped = fc.record(
        {
          name: value,
          allocations: value,
          inventories: value,
          traits: value,
          resource_provider_generation: value,
          consumer_generation: value,
          project_id: value,
          user_id: value,
          consumer_type: value,
          aggregates: value,
          resource_class: value,
          total: value,
        },
        { requiredKeys: [] },
      )
      const routes = fc.constantFrom(
        ['POST', '/resource_providers'],
        ['POST', '/allocations'],
        ['PUT', `/allocations/${randomUUID()}`],
        ['PUT', `/resource_providers/${uuid}/inventories`],
        ['POST', `/resource_providers/${uuid}/inventories`],
        ['PUT', `/resource_providers/${uuid}/traits`],
        ['PUT', `/resource_providers/${uuid}/aggregates`],
      )
      const versions = fc.integer({ min: 0, max: 39 }).map((minor) => `1.${minor}`)
      await fc.assert(
        fc.asyncProperty(
          routes,
          versions,
          fc.oneof(value, shaped),
          async ([method = '', path = ''], version, body) => {
            const { status } = await ask(method, path, body, { version })
            assert.ok(status < 500, `${method} ${path} at ${version}: ${status}`)
          },
        ),
        { numRuns: 500 },
      )
    })
  })
}
