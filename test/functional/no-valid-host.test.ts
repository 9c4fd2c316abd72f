/** A flavor too big for every host: ERROR with the reason, nothing taken, and a delete that is done when it answers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../eventually.ts'
import { startCloud } from './whole-cloud.ts'

interface Server {
  readonly status: string
  readonly fault?: { readonly code: number; readonly message: string }
}

test('a server that fits no host ends in ERROR with the reason, and is gone when its delete answers', async (t) => {
  const cloud = await startCloud(t)
  const [demo, admin] = await Promise.all([cloud.as('demo'), cloud.as('admin')])
  const giant = { name: 'giant', vcpus: 20, ram: 1_048_576 * 8, disk: 1, 'os-flavor-access:is_public': true }
  const { flavor } = (await admin.ok('compute', 'POST', '/flavors', { flavor: giant })) as {
    flavor: { id: string }
  }
  await admin.ok('compute', 'PUT', `/os-quota-sets/${demo.projectId}`, { quota_set: { cores: -1, ram: -1 } })
  const { images } = (await demo.ok('image', 'GET', '/images?name=tiny')) as { images: { id: string }[] }
  const body = { server: { name: 'big', imageRef: images[0]?.id, flavorRef: flavor.id, networks: 'none' } }
  const { server } = (await demo.ok('compute', 'POST', '/servers', body)) as { server: { id: string } }

  const failed = await eventually(async () => {
    const shown = ((await demo.ok('compute', 'GET', `/servers/${server.id}`)) as { server: Server }).server
    return shown.status === 'ERROR' ? shown : undefined
  })
  assert.equal(failed.fault?.code, 500)
  assert.match(
    failed.fault?.message ?? '',
    /^No valid host was found\. .*MEMORY_MB: 8388608 requested, the largest host has/,
  )

  assert.equal((await demo.call('compute', 'DELETE', `/servers/${server.id}`)).status, 204)
  assert.equal((await demo.call('compute', 'GET', `/servers/${server.id}`)).status, 404)
})
