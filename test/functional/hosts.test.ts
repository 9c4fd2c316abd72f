/** Hosts over HTTP: services enabled, disabled and forced down, hypervisors, and availability zones. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CloudClient } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'
import { activeServer, ask, askOk, assertFault, assertForbidden, usersOfOneCloud } from './ask.ts'

interface Service {
  readonly id: string | number
  readonly host: string
  readonly status: string
  readonly state: string
  readonly disabled_reason: string | null
  readonly forced_down?: boolean
}

const NOBODY = '11111111-2222-3333-4444-555555555555'

const serviceOf = async (admin: CloudClient, host: string, at = '2.104'): Promise<Service> =>
  (await askOk(admin, `GET /os-services?host=${host}&binary=nova-compute`, { at })).services[0]

describe('hosts', () => {
  const users = usersOfOneCloud({ hosts: 3 })

  test('hosts are for admins; zones are for all', async () => {
    const { demo, reader } = users
    for (const route of [
      'GET /os-services',
      'GET /os-hypervisors',
      'GET /os-hypervisors/detail',
      'GET /os-availability-zone/detail',
    ])
      for (const who of [demo, reader]) assertForbidden(await ask(who, route))
    for (const route of ['GET /os-hypervisors/statistics', 'GET /os-hypervisors/1/uptime'])
      assertForbidden(await ask(demo, route, { at: '2.1' }))
    assertForbidden(
      await ask(demo, 'PUT /os-services/disable', { at: '2.1', body: { host: 'x', binary: 'y' } }),
    )
    assertForbidden(await ask(demo, `DELETE /os-services/${NOBODY}`))
    assert.deepEqual((await askOk(reader, 'GET /os-availability-zone')).availabilityZoneInfo, [
      { zoneName: 'nova', zoneState: { available: true }, hosts: null },
    ])
  })

  test('a path that ends in a slash names nothing', async () => {
    const { admin } = users
    for (const path of ['/servers/', '/flavors/', '/os-hosts/', '/os-simple-tenant-usage/?start=2026-01-01'])
      assert.equal((await ask(admin, `GET ${path}`, { at: '2.1' })).status, 404, path)
    assert.equal((await ask(admin, 'GET /')).status, 200)
  })

  test('hosts of before 2.43 are listed by what they do', async () => {
    const { hosts } = await askOk(users.admin, 'GET /os-hosts', { at: '2.42' })
    const services = hosts.map(({ service }: { service: string }) => service).toSorted()
    assert.deepEqual(services, ['compute', 'compute', 'compute', 'conductor', 'scheduler'])
  })

  test('the verbs of before 2.53 change a service by host and binary', async () => {
    const { admin } = users
    const put = (verb: string, more: object = {}, at = '2.11') =>
      ask(admin, `PUT /os-services/${verb}`, {
        at,
        body: { host: 'fake-1', binary: 'nova-compute', ...more },
      })
    const told = async (answer: ReturnType<typeof put>) => (await answer).body.service
    const base = { host: 'fake-1', binary: 'nova-compute' }
    assert.deepEqual(await told(put('disable')), { ...base, status: 'disabled' })
    assert.deepEqual(await told(put('disable-log-reason', { disabled_reason: 'broken' })), {
      ...base,
      status: 'disabled',
      disabled_reason: 'broken',
    })
    const disabled = await serviceOf(admin, 'fake-1', '2.11')
    assert.deepEqual(
      [disabled.status, disabled.disabled_reason, disabled.state],
      ['disabled', 'broken', 'up'],
    )
    assert.equal(typeof disabled.id, 'number')
    assert.deepEqual(await told(put('enable')), { ...base, status: 'enabled' })
    assert.equal((await serviceOf(admin, 'fake-1')).disabled_reason, null)
    assert.deepEqual(await told(put('force-down', { forced_down: true })), { ...base, forced_down: true })
    assert.equal((await serviceOf(admin, 'fake-1')).state, 'down')
    assert.deepEqual(await told(put('force-down', { forced_down: false })), { ...base, forced_down: false })
    assert.equal((await serviceOf(admin, 'fake-1')).state, 'up')

    assertFault(await put('disable-log-reason'), 400, 'Missing disabled reason field')
    assertFault(await put('force-down'), 400, 'Missing forced_down field')
    assertFault(await put('explode'), 404, 'Unknown action')
    assertFault(await put('force-down', {}, '2.10'), 404, 'Unknown action')
    assertFault(await put('enable', { host: 'nope' }), 404, "Host 'nope' is not mapped to any cell")
    const others = 'Updating a nope service is not supported. Only nova-compute services can be updated.'
    assertFault(await put('enable', { binary: 'nope' }), 400, others)
    assertFault(await put('enable', { disabled_reason: 'x'.repeat(256) }), 400, /is too long$/)
  })

  test('from 2.53 on a compute is changed by its uuid', async () => {
    const { admin } = users
    const { id } = await serviceOf(admin, 'fake-2')
    const put = (body: object, service: string | number = id) =>
      ask(admin, `PUT /os-services/${service}`, { body })
    const disabled = (await put({ status: 'disabled', disabled_reason: 'r' })).body.service as Service
    assert.deepEqual([disabled.id, disabled.status, disabled.disabled_reason], [id, 'disabled', 'r'])
    assert.equal(((await put({ forced_down: true })).body.service as Service).state, 'down')
    const enabled = (await put({ status: 'enabled', forced_down: false })).body.service as Service
    assert.deepEqual([enabled.status, enabled.forced_down, enabled.disabled_reason], ['enabled', false, null])
    const refused: [object, string][] = [
      [{}, "No updates were requested. Fields 'status' or 'forced_down' should be specified."],
      [
        { status: 'enabled', disabled_reason: 'r' },
        "Specifying 'disabled_reason' with status 'enabled' is invalid.",
      ],
      [
        { status: 'on' },
        "Invalid input for field/attribute status. Value: on. 'on' is not one of ['enabled', 'disabled']",
      ],
    ]
    for (const [body, message] of refused) assertFault(await put(body), 400, message)
    assertFault(await put({ status: 'enabled' }, 'nope'), 400, 'Invalid uuid nope')
    assertFault(await put({ status: 'enabled' }, NOBODY), 404, `Service ${NOBODY} could not be found.`)
    const { services } = await askOk(admin, 'GET /os-services?binary=nova-scheduler')
    assert.equal(services[0].zone, 'internal')
    assertFault(
      await put({ status: 'disabled' }, services[0].id),
      400,
      'Updating a nova-scheduler service is not supported. Only nova-compute services can be updated.',
    )
  })

  test('a disabled host gets no servers; all disabled, a zone is not available', async () => {
    const { admin, demo } = users
    const ids = await Promise.all(
      ['fake-1', 'fake-2', 'fake-3'].map(async (host) => (await serviceOf(admin, host)).id),
    )
    const set = async (some: readonly (string | number)[], status: string) => {
      for (const id of some) await askOk(admin, `PUT /os-services/${id}`, { body: { status } })
    }
    await set(ids.slice(0, 2), 'disabled')
    const server = await activeServer(demo)
    const shown = (await askOk(admin, `GET /servers/${server}`)).server
    assert.equal(shown['OS-EXT-SRV-ATTR:host'], 'fake-3')
    assert.equal(shown.host_status, 'UP')
    await set(ids, 'disabled')
    assert.equal((await askOk(admin, `GET /servers/${server}`)).server.host_status, 'MAINTENANCE')
    const [zone] = (await askOk(demo, 'GET /os-availability-zone')).availabilityZoneInfo
    assert.deepEqual(zone, { zoneName: 'nova', zoneState: { available: false }, hosts: null })
    await set(ids, 'enabled')
    const detail = (await askOk(admin, 'GET /os-availability-zone/detail')).availabilityZoneInfo
    const nova = detail.find(({ zoneName }: { zoneName: string }) => zoneName === 'nova')
    assert.deepEqual(Object.keys(nova.hosts).sort(), ['fake-1', 'fake-2', 'fake-3'])
    const state = nova.hosts['fake-1']['nova-compute']
    assert.deepEqual([state.available, state.active], [true, true])
    assert.match(state.updated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
    const internal = detail.find(({ zoneName }: { zoneName: string }) => zoneName === 'internal')
    assert.deepEqual(
      [...new Set(Object.values(internal.hosts as Record<string, object>).flatMap(Object.keys))].sort(),
      ['nova-conductor', 'nova-scheduler'],
    )
    await askOk(demo, `DELETE /servers/${server}`)
    await eventually(async () => (await ask(demo, `GET /servers/${server}`)).status === 404)
  })

  test('hypervisors are found by id, by name, in pages, with their servers', async () => {
    const { admin, demo } = users
    const server = await activeServer(demo, { name: 'tenant' })
    const host = (await askOk(admin, `GET /servers/${server}`)).server['OS-EXT-SRV-ATTR:host']
    const list = (await askOk(admin, 'GET /os-hypervisors')).hypervisors as {
      id: string
      hypervisor_hostname: string
    }[]
    assert.deepEqual(list.map((each) => each.hypervisor_hostname).sort(), ['fake-1', 'fake-2', 'fake-3'])
    const first = await askOk(admin, 'GET /os-hypervisors?limit=2')
    const last = first.hypervisors[1].id
    assert.match(
      first.hypervisors_links[0].href,
      new RegExp(`/v2\\.1/os-hypervisors\\?limit=2&marker=${last}$`),
    )
    const rest = await askOk(admin, `GET /os-hypervisors?limit=2&marker=${last}`)
    assert.deepEqual([rest.hypervisors.length, rest.hypervisors_links], [1, undefined])

    const found = await askOk(admin, `GET /os-hypervisors?hypervisor_hostname_pattern=${host}&with_servers=1`)
    assert.deepEqual(found.hypervisors[0].servers, [{ name: 'tenant', uuid: server }])
    const byVerb = await askOk(admin, `GET /os-hypervisors/${host}/servers`, { at: '2.52' })
    assert.deepEqual(byVerb.hypervisors[0].servers, [{ name: 'tenant', uuid: server }])
    const shown = (await askOk(admin, `GET /os-hypervisors/${found.hypervisors[0].id}`, { at: '2.53' }))
      .hypervisor
    assert.deepEqual([shown.service.host, shown.state, shown.status], [host, 'up', 'enabled'])
    const { hypervisor_statistics: sum } = await askOk(admin, 'GET /os-hypervisors/statistics', {
      at: '2.87',
    })
    assert.deepEqual([sum.count, sum.vcpus], [3, 3 * shown.vcpus])
    const refused: [string, string, number, string | RegExp][] = [
      [
        '/os-hypervisors?hypervisor_hostname_pattern=nope',
        '2.53',
        404,
        "No hypervisor matching 'nope' could be found.",
      ],
      ['/os-hypervisors/nope/search', '2.1', 404, "No hypervisor matching 'nope' could be found."],
      ['/os-hypervisors/nope', '2.53', 400, 'Invalid uuid nope'],
      ['/os-hypervisors/nope', '2.1', 404, "Hypervisor with ID 'nope' could not be found."],
      ['/os-hypervisors/99999', '2.1', 404, "Hypervisor with ID '99999' could not be found."],
      [`/os-hypervisors/${NOBODY}`, '2.104', 404, `Hypervisor with ID '${NOBODY}' could not be found.`],
      [`/os-hypervisors?marker=${NOBODY}`, '2.104', 400, `marker [${NOBODY}] not found`],
      [
        '/os-hypervisors?limit=2&hypervisor_hostname_pattern=fake',
        '2.53',
        400,
        /^The server could not comply/,
      ],
      ['/os-hypervisors?with_servers=maybe', '2.53', 400, /'maybe' is not one of/],
      ['/os-hypervisors/statistics', '2.88', 404, 'The resource could not be found.'],
      ['/os-hypervisors/fake/search', '2.53', 404, 'The resource could not be found.'],
    ]
    for (const [path, at, status, message] of refused)
      assertFault(await ask(admin, `GET ${path}`, { at }), status, message)
  })

  test('a compute that holds servers stays; one that holds none may go', async () => {
    const { admin, demo } = users
    const server = await activeServer(demo)
    const host = (await askOk(admin, `GET /servers/${server}`)).server['OS-EXT-SRV-ATTR:host']
    const { id } = await serviceOf(admin, host)
    assertFault(
      await ask(admin, `DELETE /os-services/${id}`),
      409,
      'Unable to delete compute service that is hosting instances. Migrate or delete the instances first.',
    )
    assertFault(await ask(admin, 'DELETE /os-services/nope'), 400, 'Invalid uuid nope')
    assertFault(await ask(admin, `DELETE /os-services/${NOBODY}`), 404, `Service ${NOBODY} not found.`)
    const { services } = await askOk(admin, 'GET /os-services?binary=nova-conductor')
    assert.equal((await ask(admin, `DELETE /os-services/${services[0].id}`)).status, 204)
  })
})
