/** Placement's API: what each version shows, how errors look, who may. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, suite, test } from 'node:test'
import { claimBody, makeProvider, type Reply, startPlacement } from '../placement-fixture.ts'

suite('the Placement API', async () => {
  const { ask, close } = await startPlacement()
  after(close)

  const error = (reply: Reply) => reply.body.errors[0]
  const get = (url: string, version = '1.39') => ask('GET', url, undefined, { version })

  test('the version document needs no token', async () => {
    for (const url of ['/', '/?x=1']) {
      const { status, body } = await ask('GET', url, undefined, { token: null, version: '1.0' })
      assert.equal(status, 200)
      assert.deepEqual(body.versions, [
        {
          id: 'v1.0',
          min_version: '1.0',
          max_version: '1.39',
          status: 'CURRENT',
          links: [{ rel: 'self', href: '' }],
        },
      ])
    }
  })

  test('versions: the first without a header, the last for latest, others by the header', async () => {
    const shown = async (header: string) => {
      const { status, headers, body } = await ask('GET', '/resource_providers', undefined, {
        headers: { 'openstack-api-version': header },
      })
      assert.equal(headers.vary, body.errors ? undefined : 'openstack-api-version')
      return [status, headers['openstack-api-version'], body.errors?.[0].max_version]
    }
    assert.deepEqual(await shown(''), [200, 'placement 1.0', undefined])
    assert.deepEqual(await shown('compute 2.1'), [200, 'placement 1.0', undefined])
    assert.deepEqual(await shown('compute 2.1, placement 1.7'), [200, 'placement 1.7', undefined])
    assert.deepEqual(await shown('placement latest'), [200, 'placement 1.39', undefined])
    assert.deepEqual(await shown('placement 1.40'), [406, undefined, '1.39'])
    assert.deepEqual(await shown('placement 0.9'), [406, undefined, '1.39'])
    assert.deepEqual(await shown('placement one'), [400, undefined, undefined])
  })

  test('who may: admins and services; readers see the usage of their own project', async () => {
    const as = async (token: string | null, url: string, method = 'GET') =>
      (await ask(method, url, undefined, { token })).status
    assert.equal(await as(null, '/traits'), 401)
    assert.equal(await as('forged', '/traits'), 401)
    assert.equal(await as(null, '/no/such/path'), 401)
    assert.deepEqual([await as('admin', '/traits'), await as('service', '/traits')], [200, 200])
    assert.deepEqual([await as('reader', '/traits'), await as('unscoped', '/traits')], [403, 403])
    assert.deepEqual(
      [await as('reader', '/usages?project_id=p1'), await as('reader', '/usages?project_id=p2')],
      [200, 403],
    )
    const reshape = await ask('POST', '/reshaper', { inventories: {}, allocations: {} })
    assert.equal(reshape.status, 403)
    const { headers } = await ask('GET', '/traits', undefined, { token: null })
    assert.equal(headers['www-authenticate'], 'Keystone')
  })

  test('errors carry a code from 1.23, and methods, types and paths have their status', async () => {
    const missing = await get(`/resource_providers/${randomUUID()}`, '1.22')
    assert.deepEqual(Object.keys(error(missing)).sort(), ['detail', 'request_id', 'status', 'title'])
    const coded = await get(`/resource_providers/${randomUUID()}`, '1.23')
    assert.equal(error(coded).code, 'placement.undefined_code')
    assert.equal(error(coded).request_id, coded.headers['x-openstack-request-id'])
    const wrong = await ask('PATCH', '/resource_providers')
    assert.deepEqual([wrong.status, wrong.headers.allow], [405, 'GET, POST'])
    assert.equal(
      (await ask('DELETE', `/resource_providers/${randomUUID()}/inventories`, undefined, { version: '1.4' }))
        .status,
      405,
    )
    assert.equal(
      (
        await ask('POST', '/resource_providers', undefined, {
          raw: 'x=1',
          headers: { 'content-type': 'text/plain' },
        })
      ).status,
      415,
    )
    assert.equal(
      (
        await ask('POST', '/resource_providers', undefined, {
          raw: '{"name":"n"}',
          headers: { 'content-type': '' },
        })
      ).status,
      400,
    )
    assert.equal((await ask('GET', '/traits', undefined, { headers: { accept: 'text/html' } })).status, 406)
    assert.equal((await get('/nothing')).status, 404)
    assert.equal((await get('/resource_providers/%zz')).status, 400)
  })

  test('answers say from 1.15 when they were modified', async () => {
    const before = await get('/resource_classes', '1.14')
    assert.deepEqual(
      [before.headers['last-modified'], before.headers['cache-control']],
      [undefined, undefined],
    )
    const after = await get('/resource_classes', '1.15')
    assert.ok(Date.parse(String(after.headers['last-modified'])) > 0)
    assert.equal(after.headers['cache-control'], 'no-cache')
  })

  test('providers show what their version has', async () => {
    const uuid = await makeProvider(ask, { VCPU: 8 })
    const rels = (body: Reply['body']) => body.links.map((link: { rel: string }) => link.rel).join()
    const at = async (version: string) => (await get(`/resource_providers/${uuid}`, version)).body
    assert.equal(rels(await at('1.0')), 'self,inventories,usages')
    assert.equal(rels(await at('1.5')), 'self,inventories,usages,aggregates')
    assert.equal(rels(await at('1.10')), 'self,inventories,usages,aggregates,traits')
    assert.equal(rels(await at('1.11')), 'self,inventories,usages,aggregates,traits,allocations')
    assert.ok(!('parent_provider_uuid' in (await at('1.13'))))
    assert.deepEqual(
      [(await at('1.14')).parent_provider_uuid, (await at('1.14')).root_provider_uuid],
      [null, uuid],
    )
    const create = (version: string) =>
      ask('POST', '/resource_providers', { name: `made-at-${version}` }, { version })
    const [old, young] = [await create('1.19'), await create('1.20')]
    assert.deepEqual([old.status, old.body, young.status, young.body.generation], [201, undefined, 200, 0])
    assert.match(String(old.headers.location), /^http:\/\/localhost:80\/resource_providers\/[0-9a-f-]{36}$/)
    assert.equal((await create('1.20')).status, 409)
  })

  test('a provider is known by its uuid in whatever form', async () => {
    const uuid = randomUUID()
    assert.equal(
      (await ask('POST', '/resource_providers', { name: uuid, uuid: uuid.replaceAll('-', '').toUpperCase() }))
        .status,
      200,
    )
    for (const form of [uuid, uuid.toUpperCase(), uuid.replaceAll('-', '')])
      assert.equal((await get(`/resource_providers/${form}`)).body.uuid, uuid)
    const twice = await ask('POST', '/resource_providers', { name: 'another', uuid })
    assert.equal(error(twice).code, 'placement.duplicate_name')
  })

  test('lists filter by each of their parameters, from the version that has it', async () => {
    const [zone, rack] = [randomUUID(), randomUUID()]
    const big = await makeProvider(
      ask,
      { VCPU: 64 },
      { name: 'big ü', traits: ['HW_CPU_X86_AVX2'], aggregates: [zone, rack] },
    )
    const small = await makeProvider(
      ask,
      { VCPU: 63 },
      { traits: ['HW_CPU_X86_AVX512F'], aggregates: [zone] },
    )
    const found = async (query: string, version = '1.39') => {
      const { status, body } = await get(`/resource_providers?${query}`, version)
      return status === 200 ? body.resource_providers.map((each: { uuid: string }) => each.uuid) : status
    }
    assert.deepEqual(await found(`name=${encodeURIComponent('big ü')}`), [big])
    assert.deepEqual(await found(`name=&uuid=${small}`), [small])
    assert.deepEqual(await found(`member_of=in:${zone},${rack}`), [big, small])
    assert.deepEqual(await found(`member_of=${zone}&member_of=${rack}`), [big])
    assert.equal(await found(`member_of=${zone}&member_of=${rack}`, '1.23'), 400)
    assert.deepEqual(await found(`member_of=${zone}&member_of=!${rack}`), [small])
    assert.equal(await found(`member_of=!${rack}`, '1.31'), 400)
    assert.equal(await found(`member_of=${rack}`, '1.2'), 400)
    assert.deepEqual(await found('resources=VCPU:64'), [big])
    assert.deepEqual(await found(`required=HW_CPU_X86_AVX2&member_of=${zone}`), [big])
    assert.deepEqual(await found(`required=!HW_CPU_X86_AVX2&member_of=${zone}`), [small])
    assert.equal(await found('required=!HW_CPU_X86_AVX2', '1.21'), 400)
    assert.deepEqual(await found(`required=in:HW_CPU_X86_AVX2,HW_CPU_X86_AVX512F&member_of=${zone}`), [
      big,
      small,
    ])
    assert.equal(await found('required=in:HW_CPU_X86_AVX2,HW_CPU_X86_AVX512F', '1.38'), 400)
    assert.equal(await found('required=NO_SUCH_TRAIT'), 400)
    assert.equal(await found('resources=NO_SUCH_CLASS:1'), 400)
  })

  test('inventories: one by one, with defaults and bounds', async () => {
    const uuid = await makeProvider(ask, {})
    const path = `/resource_providers/${uuid}/inventories`
    const made = await ask('POST', path, { resource_class: 'DISK_GB', total: 10 })
    assert.equal(made.status, 201)
    assert.equal(made.headers.location, `http://localhost:80${path}/DISK_GB`)
    assert.deepEqual((await get(`${path}/DISK_GB`)).body, {
      total: 10,
      reserved: 0,
      min_unit: 1,
      max_unit: 2_147_483_647,
      step_size: 1,
      allocation_ratio: 1,
      resource_provider_generation: 1,
    })
    assert.equal((await ask('POST', path, { resource_class: 'DISK_GB', total: 10 })).status, 409)
    const put = (record: object, version = '1.39') =>
      ask('PUT', `${path}/DISK_GB`, { resource_provider_generation: 1, ...record }, { version })
    assert.equal((await put({ total: 10, reserved: 10 }, '1.25')).status, 400)
    assert.equal((await put({ total: 10, reserved: 11 })).status, 400)
    assert.equal((await put({ total: 10, allocation_ratio: -1 })).status, 400)
    assert.equal((await put({ total: 2 ** 31 })).status, 400)
    assert.equal((await put({ total: 10, reserved: 10 })).status, 200)
    assert.equal(
      (await ask('PUT', `${path}/VCPU`, { resource_provider_generation: 2, total: 1 })).status,
      400,
    )
    assert.equal((await ask('DELETE', `${path}/DISK_GB`)).status, 204)
    assert.equal((await ask('DELETE', `${path}/DISK_GB`)).status, 404)
    assert.equal((await get(`${path}/DISK_GB`)).status, 404)
  })

  test('resource classes: standard ones stay, custom ones come and go in both ways of PUT', async () => {
    const status = async (method: string, name: string, body?: object, version = '1.39') =>
      (await ask(method, `/resource_classes${name}`, body, { version })).status
    const standard = (await get('/resource_classes')).body.resource_classes.map(
      (each: { name: string }) => each.name,
    )
    assert.deepEqual([standard[0], standard.includes('PCPU')], ['VCPU', true])
    assert.equal(await status('GET', '', undefined, '1.1'), 404)
    assert.equal(await status('POST', '', { name: 'CUSTOM_A' }), 201)
    assert.equal(await status('POST', '', { name: 'CUSTOM_A' }), 409)
    assert.equal(await status('POST', '', { name: 'OWN' }), 400)
    assert.equal(await status('PUT', '/CUSTOM_A', { name: 'CUSTOM_B' }, '1.6'), 200)
    assert.deepEqual([await status('PUT', '/CUSTOM_B'), await status('PUT', '/CUSTOM_C')], [204, 201])
    assert.deepEqual([await status('PUT', '/VCPU'), await status('DELETE', '/VCPU')], [400, 400])
    const uuid = await makeProvider(ask, { CUSTOM_B: 4 })
    await ask('PUT', `/allocations/${randomUUID()}`, claimBody(uuid, { CUSTOM_B: 3 }))
    assert.equal(await status('DELETE', '/CUSTOM_B'), 409)
    assert.equal(await status('PUT', '/CUSTOM_B', { name: 'CUSTOM_D' }, '1.6'), 200)
    assert.deepEqual((await get(`/resource_providers/${uuid}/usages`)).body.usages, { CUSTOM_D: 3 })
    assert.deepEqual([await status('GET', '/CUSTOM_B'), await status('DELETE', '/CUSTOM_C')], [404, 204])
  })

  test('traits: standard, custom, and those of providers', async () => {
    const names = async (query: string) => (await get(`/traits?${query}`)).body.traits
    assert.ok((await names('')).includes('HW_CPU_X86_VMX'))
    assert.deepEqual(
      [(await ask('PUT', '/traits/CUSTOM_T')).status, (await ask('PUT', '/traits/CUSTOM_T')).status],
      [201, 204],
    )
    assert.equal((await ask('PUT', '/traits/HW_CPU_X86_VMX')).status, 400)
    assert.deepEqual(await names('name=startswith:CUSTOM_'), ['CUSTOM_T'])
    assert.deepEqual(await names('name=in:CUSTOM_T,HW_CPU_X86_VMX,NOPE'), ['CUSTOM_T', 'HW_CPU_X86_VMX'])
    const uuid = await makeProvider(ask, {}, { traits: ['CUSTOM_T'] })
    assert.ok((await names('associated=true')).includes('CUSTOM_T'))
    assert.ok(!(await names('associated=false')).includes('CUSTOM_T'))
    assert.equal((await ask('DELETE', '/traits/CUSTOM_T')).status, 409)
    const path = `/resource_providers/${uuid}/traits`
    assert.equal(
      (await ask('PUT', path, { traits: ['CUSTOM_NONE'], resource_provider_generation: 1 })).status,
      400,
    )
    assert.equal((await ask('DELETE', path)).status, 204)
    assert.deepEqual((await get(path)).body, { traits: [], resource_provider_generation: 2 })
    assert.deepEqual(
      [(await ask('DELETE', '/traits/CUSTOM_T')).status, (await get('/traits/CUSTOM_T')).status],
      [204, 404],
    )
  })

  test('aggregates with and without generation', async () => {
    const uuid = await makeProvider(ask, {})
    const path = `/resource_providers/${uuid}/aggregates`
    const aggregate = randomUUID()
    assert.deepEqual((await ask('PUT', path, [aggregate], { version: '1.1' })).body, {
      aggregates: [aggregate],
    })
    assert.deepEqual((await get(path)).body, { aggregates: [aggregate], resource_provider_generation: 0 })
    assert.equal((await ask('PUT', path, [aggregate])).status, 400)
    assert.equal(
      (await ask('PUT', path, { aggregates: [], resource_provider_generation: 0 })).body
        .resource_provider_generation,
      1,
    )
  })

  test('allocations in each form that they had', async () => {
    const uuid = await makeProvider(ask, { VCPU: 100 })
    const put = async (body: object, version: string) => {
      const consumer = randomUUID()
      const { status } = await ask('PUT', `/allocations/${consumer}`, body, { version })
      return status === 204 ? (await get(`/allocations/${consumer}`, version)).body : status
    }
    const list = [{ resource_provider: { uuid }, resources: { VCPU: 1 } }]
    const map = { [uuid]: { resources: { VCPU: 1 } } }
    const owner = { project_id: 'p9', user_id: 'u9' }
    assert.deepEqual(Object.keys(await put({ allocations: list }, '1.7')), ['allocations'])
    assert.equal(await put({ allocations: list }, '1.8'), 400)
    assert.deepEqual(Object.keys(await put({ allocations: list, ...owner }, '1.11')), ['allocations'])
    assert.equal(await put({ allocations: list, ...owner }, '1.12'), 400)
    assert.deepEqual(Object.keys(await put({ allocations: map, ...owner }, '1.12')), [
      'allocations',
      'project_id',
      'user_id',
    ])
    assert.equal(await put({ allocations: {}, ...owner }, '1.27'), 400)
    assert.equal(await put({ allocations: map, ...owner }, '1.28'), 400)
    assert.equal(
      (await put({ allocations: map, ...owner, consumer_generation: null }, '1.28')).consumer_generation,
      1,
    )
    assert.equal(
      await put({ allocations: map, ...owner, consumer_generation: null, mappings: { '': [uuid] } }, '1.33'),
      400,
    )
    assert.equal(
      (await put({ allocations: map, ...owner, consumer_generation: null, mappings: { '': [uuid] } }, '1.34'))
        .project_id,
      'p9',
    )
    assert.equal(await put({ allocations: map, ...owner, consumer_generation: null }, '1.38'), 400)
    assert.equal(
      (
        await put(
          { allocations: map, ...owner, consumer_generation: null, consumer_type: 'INSTANCE' },
          '1.38',
        )
      ).consumer_type,
      'INSTANCE',
    )
    assert.equal((await ask('PUT', '/allocations/not-a-uuid', claimBody(uuid, { VCPU: 1 }))).status, 400)
    assert.deepEqual((await get('/usages?project_id=p9', '1.37')).body, { usages: { VCPU: 5 } })
    assert.deepEqual((await get('/usages?project_id=p9')).body, {
      usages: { unknown: { consumer_count: 4, VCPU: 4 }, INSTANCE: { consumer_count: 1, VCPU: 1 } },
    })
    assert.deepEqual((await get('/usages?project_id=p9&consumer_type=all')).body, {
      usages: { all: { consumer_count: 5, VCPU: 5 } },
    })
    assert.deepEqual((await get('/usages?project_id=p9&user_id=nobody')).body, { usages: {} })
  })

  test('candidates in each form that they had', async () => {
    const uuid = await makeProvider(ask, { NUMA_CORE: 4, NUMA_SOCKET: 1 }, { traits: ['COMPUTE_NODE'] })
    const at = async (version: string, query = 'resources=NUMA_CORE:2') =>
      get(`/allocation_candidates?${query}`, version)
    assert.equal((await at('1.9')).status, 404)
    const list = (await at('1.10')).body
    assert.deepEqual(list.allocation_requests, [
      { allocations: [{ resource_provider: { uuid }, resources: { NUMA_CORE: 2 } }] },
    ])
    assert.deepEqual(list.provider_summaries, {
      [uuid]: { resources: { NUMA_CORE: { capacity: 4, used: 0 } } },
    })
    const keys = async (version: string) => Object.keys((await at(version)).body.provider_summaries[uuid])
    assert.deepEqual(await keys('1.16'), ['resources'])
    assert.deepEqual(await keys('1.17'), ['resources', 'traits'])
    assert.deepEqual(await keys('1.29'), [
      'resources',
      'traits',
      'parent_provider_uuid',
      'root_provider_uuid',
    ])
    const classes = async (version: string) =>
      Object.keys((await at(version)).body.provider_summaries[uuid].resources)
    assert.deepEqual(
      [await classes('1.26'), await classes('1.27')],
      [['NUMA_CORE'], ['NUMA_CORE', 'NUMA_SOCKET']],
    )
    assert.deepEqual((await at('1.33')).body.allocation_requests, [
      { allocations: { [uuid]: { resources: { NUMA_CORE: 2 } } } },
    ])
    assert.deepEqual((await at('1.34')).body.allocation_requests[0].mappings, { '': [uuid] })
    const refused: [string, string][] = [
      ['1.15', 'resources=VCPU:1&limit=1'],
      ['1.16', 'resources=VCPU:1&required=COMPUTE_NODE'],
      ['1.20', `resources=VCPU:1&member_of=${uuid}`],
      ['1.24', 'resources1=VCPU:1'],
      ['1.30', `resources=VCPU:1&in_tree=${uuid}`],
      ['1.32', 'resources_A=VCPU:1'],
      ['1.34', 'resources=VCPU:1&root_required=COMPUTE_NODE'],
      ['1.35', 'resources1=VCPU:1&same_subtree=1'],
      ['1.35', 'resources1=VCPU:1&required2=COMPUTE_NODE'],
      ['1.39', 'resources1=VCPU:1&resources2=VCPU:1'],
      ['1.39', 'resources1=VCPU:1&same_subtree=2'],
      ['1.39', 'resources=VCPU:1&required=COMPUTE_NODE,!COMPUTE_NODE'],
      ['1.39', 'required=COMPUTE_NODE'],
      ['1.39', ''],
    ]
    for (const [version, query] of refused)
      assert.equal((await at(version, query)).status, 400, `${version} ${query}`)
    const refusal = async (query: string) => (await at('1.39', query)).body.errors[0].detail
    assert.match(await refusal('resources=CUSTOM_NO:1&required=NO1'), /resource class CUSTOM_NO\./)
    assert.match(await refusal('resources=CUSTOM_NO:1&root_required=NO2'), /trait\(s\): NO2\./)
    const firstGroupFirst = 'resources1=VCPU:1&required1=NO3&resources2=CUSTOM_NO:1&group_policy=none'
    assert.match(await refusal(firstGroupFirst), /trait\(s\): NO3\./)
  })

  test('a reshape misses providers before classes', async () => {
    const uuid = await makeProvider(ask, {})
    const fresh = { resource_provider_generation: 0, inventories: { CUSTOM_NO: { total: 1 } } }
    const body = { inventories: { [uuid]: fresh, [randomUUID()]: fresh }, allocations: {} }
    const { status, body: said } = await ask('POST', '/reshaper', body, { token: 'service' })
    assert.deepEqual([status, said.errors[0].code], [400, 'placement.resource_provider.not_found'])
  })
})
