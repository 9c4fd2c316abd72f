/** Admins say where a new server is to be: asked for, a host must do as any other; forced, it need only have room. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../eventually.ts'
import { startCloud } from './whole-cloud.ts'

interface Server {
  readonly status: string
  readonly 'OS-EXT-SRV-ATTR:host': string | null
  readonly fault?: { readonly message: string }
}

test('a host that is asked for must pass the filters, one that is forced need not, and neither may be disabled', async (t) => {
  const cloud = await startCloud(t, { hosts: 2 })
  const admin = await cloud.as('admin')
  const { images } = await admin.ok('image', 'GET', '/images?name=tiny')
  const { services } = await admin.ok('compute', 'GET', '/os-services?binary=nova-compute')
  const [first, second] = services.map(({ host }: { host: string }) => host)

  const send = (where: object) =>
    admin.call('compute', 'POST', '/servers', {
      server: { name: 's', imageRef: images[0].id, flavorRef: '1', networks: 'none', ...where },
    })
  const settled = async (where: object): Promise<string> => {
    const { status, body } = await send(where)
    assert.equal(status, 202, JSON.stringify(body))
    return eventually(
      async () => {
        const server: Server = (await admin.ok('compute', 'GET', `/servers/${body.server.id}`)).server
        if (server.status === 'ERROR') return server.fault?.message ?? 'ERROR'
        return server.status === 'ACTIVE' ? (server['OS-EXT-SRV-ATTR:host'] ?? '') : undefined
      },
      { withinMs: 60_000, what: JSON.stringify(where) },
    )
  }

  for (const host of [first, second]) assert.equal(await settled({ host }), host)
  assert.equal(await settled({ hypervisor_hostname: first }), first)
  assert.equal(await settled({ availability_zone: `nova:${second}` }), second)
  assert.equal(await settled({ availability_zone: `nope::${second}` }), second)

  // What only a filter minds.
  const { flavor } = await admin.ok('compute', 'POST', '/flavors', {
    flavor: { name: 'strange', vcpus: 1, ram: 64, disk: 1 },
  })
  const strange = { extra_specs: { 'capabilities:hypervisor_type': 'strange' } }
  await admin.ok('compute', 'POST', `/flavors/${flavor.id}/os-extra_specs`, strange)
  const [asked, forced] = [{ host: first }, { availability_zone: `nova:${first}:${first}` }]
  assert.match(await settled({ ...asked, flavorRef: flavor.id }), /^No valid host was found\. /)
  assert.equal(await settled({ ...forced, flavorRef: flavor.id }), first)

  await admin.ok('compute', 'PUT', `/os-services/${services[1].id}`, { status: 'disabled' })
  for (const where of [{ host: second }, { availability_zone: `nova:${second}` }])
    assert.match(await settled(where), /^No valid host was found\. /)
  assert.match(await settled({ availability_zone: 'nova:nohost' }), /^No valid host was found\. /)

  const refusals = [
    [{ host: 'nohost' }, 'Compute host nohost could not be found.'],
    [{ hypervisor_hostname: 'nohost' }, 'Compute host nohost could not be found.'],
    [{ host: first, hypervisor_hostname: second }, `Compute host ${first} could not be found.`],
    [{ host: first, availability_zone: 'nope' }, 'The requested availability zone is not available'],
    [
      { host: first, availability_zone: `nova:${first}` },
      'One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are mutually exclusive.',
    ],
  ] as const
  for (const [where, message] of refusals) {
    const { status, body } = await send(where)
    assert.deepEqual([status, body.badRequest?.message], [400, message])
  }
})
