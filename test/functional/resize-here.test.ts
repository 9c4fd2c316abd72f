/** A resize where the server is, as a cloud of one host allows it (`allow_resize_to_same_host`). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../eventually.ts'
import { startCloud } from './whole-cloud.ts'

interface Server {
  readonly status: string
  readonly flavor: { readonly ram: number }
  readonly 'OS-EXT-STS:task_state': string | null
}

test('a server is resized on its host where there is no other, and moved away from it by nothing else', async (t) => {
  const cloud = await startCloud(t)
  const admin = await cloud.as('admin')
  const { images } = (await admin.ok('image', 'GET', '/images')) as { images: { id: string }[] }
  const made = (await admin.ok('compute', 'POST', '/servers', {
    server: { name: 's', imageRef: images[0]?.id, flavorRef: '1', networks: 'none' },
  })) as { server: { id: string } }
  const { id } = made.server
  const settled = (status: string) =>
    eventually(
      async () => {
        const { server } = (await admin.ok('compute', 'GET', `/servers/${id}`)) as { server: Server }
        return server['OS-EXT-STS:task_state'] === null && server.status === status && server
      },
      { what: status, withinMs: 60_000 },
    )
  const act = (body: object) => admin.ok('compute', 'POST', `/servers/${id}/action`, body)
  const guestMb = async () => {
    const body = (await admin.ok('compute', 'GET', `/servers/${id}/diagnostics`)) as {
      memory_details: { maximum: number }
    }
    return body.memory_details.maximum
  }
  const old = (await settled('ACTIVE')).flavor.ram
  await act({ resize: { flavorRef: '2' } })
  const larger = (await settled('VERIFY_RESIZE')).flavor.ram
  assert.ok(larger > old)
  assert.equal(await guestMb(), larger, 'the guest itself has it')
  await act({ revertResize: null })
  assert.equal((await settled('ACTIVE')).flavor.ram, old)
  await act({ resize: { flavorRef: '2' } })
  await settled('VERIFY_RESIZE')
  await act({ confirmResize: null })
  assert.equal((await settled('ACTIVE')).flavor.ram, larger)
  assert.equal(await guestMb(), larger)

  await act({ migrate: {} })
  await settled('ACTIVE')
  const { migrations } = (await admin.ok('compute', 'GET', '/os-migrations')) as {
    migrations: { migration_type: string; status: string }[]
  }
  assert.deepEqual(migrations.map(({ migration_type: type, status }) => `${type} ${status}`).toSorted(), [
    'migration error',
    'resize confirmed',
    'resize reverted',
  ])
})
