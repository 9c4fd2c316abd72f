/** Servers that boot from volumes, in a whole cloud: what is made for them, what holds on to what, and what is let go. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CloudClient } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'
import { startCloud } from './whole-cloud.ts'

interface Shown {
  readonly status: string
  readonly image: unknown
  readonly fault?: { readonly message: string }
  readonly 'os-extended-volumes:volumes_attached': { id: string; delete_on_termination: boolean }[]
}

const serverOf = async (client: CloudClient, id: string): Promise<Shown> =>
  ((await client.ok('compute', 'GET', `/servers/${id}`)) as { server: Shown }).server

async function boot(client: CloudClient, more: object): Promise<{ id: string; server: Shown }> {
  const wish = { name: 's', flavorRef: '42', networks: 'none', ...more }
  const made = (await client.ok('compute', 'POST', '/servers', { server: wish })) as {
    server: { id: string }
  }
  const { id } = made.server
  const server = await eventually(
    async () => {
      const shown = await serverOf(client, id)
      return shown.status !== 'BUILD' && shown
    },
    { withinMs: 60_000, what: 'an end of BUILD' },
  )
  return { id, server }
}

interface Volume {
  readonly id: string
  readonly status: string
  readonly size: number
  readonly attachments: { server_id: string; device: string }[]
}
const volumesOf = async (client: CloudClient): Promise<readonly Volume[]> =>
  ((await client.ok('volumev3', 'GET', '/volumes/detail')) as { volumes: Volume[] }).volumes

test('a server boots from a volume that is made of an image, of a snapshot, or that is there', async (t) => {
  const cloud = await startCloud(t)
  const demo = await cloud.as('demo')
  const { images } = (await demo.ok('image', 'GET', '/images')) as { images: { id: string }[] }
  const ofImage = await boot(demo, {
    block_device_mapping_v2: [
      {
        boot_index: 0,
        uuid: images[0]?.id,
        source_type: 'image',
        destination_type: 'volume',
        volume_size: 1,
        delete_on_termination: true,
      },
      { source_type: 'blank', destination_type: 'volume', volume_size: 2, delete_on_termination: true },
    ],
  })
  assert.deepEqual([ofImage.server.status, ofImage.server.image], ['ACTIVE', ''])
  const [data, root] = (await volumesOf(demo)).toSorted((a, b) => b.size - a.size)
  assert.deepEqual(
    [root, data].map((volume) => [
      volume?.status,
      volume?.attachments[0]?.server_id,
      volume?.attachments[0]?.device,
    ]),
    [
      ['in-use', ofImage.id, '/dev/vda'],
      ['in-use', ofImage.id, '/dev/vdb'],
    ],
  )
  assert.deepEqual(
    ofImage.server['os-extended-volumes:volumes_attached'].map((one) => [one.id, one.delete_on_termination]),
    [
      [root?.id, true],
      [data?.id, true],
    ],
  )

  const snapshot = { volume_id: root?.id, name: 'snap', force: true }
  const { snapshot: taken } = (await demo.ok('volumev3', 'POST', '/snapshots', { snapshot })) as {
    snapshot: { id: string }
  }
  await eventually(
    async () => {
      const { snapshot: shown } = (await demo.ok('volumev3', 'GET', `/snapshots/${taken.id}`)) as {
        snapshot: { status: string }
      }
      return shown.status === 'available'
    },
    { withinMs: 30_000, what: 'a snapshot' },
  )
  const ofSnapshot = await boot(demo, {
    block_device_mapping_v2: [
      { boot_index: 0, uuid: taken.id, source_type: 'snapshot', destination_type: 'volume' },
    ],
  })
  assert.equal(ofSnapshot.server.status, 'ACTIVE', ofSnapshot.server.fault?.message)
  const kept = ofSnapshot.server['os-extended-volumes:volumes_attached'][0]?.id ?? ''
  const busy = await demo.call('compute', 'POST', '/servers', {
    server: {
      name: 'thief',
      flavorRef: '42',
      networks: 'none',
      block_device_mapping_v2: [
        { boot_index: 0, uuid: kept, source_type: 'volume', destination_type: 'volume' },
      ],
    },
  })
  assert.equal(busy.status, 400, 'what is in use is nobody else’s')

  await demo.call('compute', 'DELETE', `/servers/${ofSnapshot.id}`)
  const isFree = async () => (await volumesOf(demo)).find(({ id }) => id === kept)?.status === 'available'
  await eventually(isFree, { withinMs: 30_000, what: 'a volume that stays' })
  const again = await boot(demo, {
    block_device_mapping_v2: [
      { boot_index: 0, uuid: kept, source_type: 'volume', destination_type: 'volume' },
    ],
  })
  assert.equal(again.server.status, 'ACTIVE')

  await demo.call('volumev3', 'DELETE', `/snapshots/${taken.id}`)
  await demo.call('compute', 'DELETE', `/servers/${ofImage.id}`)
  const isGone = async () => (await volumesOf(demo)).every(({ id }) => id === kept)
  await eventually(isGone, { withinMs: 30_000, what: 'volumes that end with their server' })
})

test('a server that boots from a volume is rescued with an image that says how', async (t) => {
  const cloud = await startCloud(t)
  const demo = await cloud.as('demo')
  const { images } = (await demo.ok('image', 'GET', '/images')) as { images: { id: string }[] }
  const root = { boot_index: 0, uuid: images[0]?.id, source_type: 'image', destination_type: 'volume' }
  const { id } = await boot(demo, { block_device_mapping_v2: [{ ...root, volume_size: 1 }] })
  const image = { name: 'r', disk_format: 'raw', container_format: 'bare', hw_rescue_device: 'disk' }
  const made = (await demo.ok('image', 'POST', '/images', { ...image, hw_rescue_bus: 'virtio' })) as {
    id: string
  }
  const rescue = (ref: string | undefined, at: string) =>
    demo.call(
      'compute',
      'POST',
      `/servers/${id}/action`,
      { rescue: { rescue_image_ref: ref } },
      {
        'openstack-api-version': `compute ${at}`,
      },
    )
  for (const [ref, at] of [
    [made.id, '2.86'],
    [images[0]?.id, '2.87'],
  ] as const)
    assert.equal((await rescue(ref, at)).status, 400)
  assert.equal((await rescue(made.id, '2.87')).status, 200)
  await eventually(async () => (await serverOf(demo, id)).status === 'RESCUE', {
    withinMs: 60_000,
    what: 'a rescued server',
  })
})

test('a boot from volume that fails lets go of every volume', async (t) => {
  const cloud = await startCloud(t, { hosts: 2 })
  const [demo, admin] = [await cloud.as('demo'), await cloud.as('admin')]
  const { images } = (await demo.ok('image', 'GET', '/images')) as { images: { id: string }[] }
  const flavor = { name: 'bad', id: 'bad', ram: 64, vcpus: 1, disk: 0 }
  await admin.ok('compute', 'POST', '/flavors', { flavor })
  await admin.ok('compute', 'POST', '/flavors/bad/os-extra_specs', {
    extra_specs: { 'kilonova:sim_fail': 'spawn' },
  })
  const disk = { boot_index: 0, uuid: images[0]?.id, source_type: 'image', destination_type: 'volume' }
  const { id, server } = await boot(demo, {
    flavorRef: 'bad',
    block_device_mapping_v2: [{ ...disk, volume_size: 1, delete_on_termination: true }],
  })
  assert.equal(server.status, 'ERROR')
  const [volume, ...others] = await volumesOf(demo)
  assert.deepEqual([volume?.status, volume?.attachments, others], ['available', [], []], 'one for both tries')
  assert.equal(server['os-extended-volumes:volumes_attached'][0]?.id, volume?.id)
  await demo.call('compute', 'DELETE', `/servers/${id}`)
  await eventually(async () => (await volumesOf(demo)).length === 0, { withinMs: 30_000, what: 'no volumes' })

  const tooMany = await boot(demo, {
    block_device_mapping_v2: [{ ...disk, volume_size: 1_000_000 }],
  })
  assert.equal(tooMany.server.status, 'ERROR')
  assert.match(tooMany.server.fault?.message ?? '', /exceeds allowed gigabytes quota|quota/i)
})

test('an image of a server that boots from volumes is of their snapshots, and servers are made of it again', async (t) => {
  const cloud = await startCloud(t)
  const demo = await cloud.as('demo')
  const { images } = (await demo.ok('image', 'GET', '/images')) as { images: { id: string }[] }
  const disk = { boot_index: 0, uuid: images[0]?.id, source_type: 'image', destination_type: 'volume' }
  const blank = { source_type: 'blank', destination_type: 'volume', volume_size: 2 }
  const first = await boot(demo, { block_device_mapping_v2: [{ ...disk, volume_size: 1 }, blank] })
  assert.equal(first.server.status, 'ACTIVE', first.server.fault?.message)
  const { image_id: imageId } = (await demo.ok('compute', 'POST', `/servers/${first.id}/action`, {
    createImage: { name: 'snap', metadata: { mine: 'yes' } },
  })) as { image_id: string }
  const image = (await demo.ok('image', 'GET', `/images/${imageId}`)) as Record<string, unknown>
  assert.deepEqual(
    ['status', 'size', 'mine', 'bdm_v2', 'root_device_name', 'base_image_ref', 'image_type'].map(
      (key) => image[key],
    ),
    ['active', 0, 'yes', 'True', '/dev/vda', '', undefined],
  )
  const mapping = JSON.parse(String(image['block_device_mapping'])) as Record<string, unknown>[]
  assert.deepEqual(
    mapping.map((one) => [
      one['source_type'],
      one['destination_type'],
      one['boot_index'],
      one['volume_size'],
    ]),
    [
      ['snapshot', 'volume', 0, 1],
      ['snapshot', 'volume', null, 2],
    ],
  )
  const { snapshots } = (await demo.ok('volumev3', 'GET', '/snapshots')) as {
    snapshots: { id: string; name: string }[]
  }
  assert.deepEqual(new Set(snapshots.map(({ name }) => name)), new Set(['snapshot for snap']))
  assert.deepEqual(new Set(snapshots.map(({ id }) => id)), new Set(mapping.map((one) => one['snapshot_id'])))

  const again = await boot(demo, { imageRef: imageId })
  assert.equal(again.server.status, 'ACTIVE', again.server.fault?.message)
  assert.equal((again.server.image as { id: string }).id, imageId, 'as Nova shows it')
  const own = (await volumesOf(demo)).filter(({ attachments }) => attachments[0]?.server_id === again.id)
  assert.deepEqual(
    own.toSorted((a, b) => a.size - b.size).map(({ size, status }) => [size, status]),
    [
      [1, 'in-use'],
      [2, 'in-use'],
    ],
  )
  const backup = { createBackup: { name: 'b', backup_type: 'daily', rotation: 1 } }
  const refused = await demo.call('compute', 'POST', `/servers/${again.id}/action`, backup)
  assert.notEqual(refused.status, 202, 'its root disk is a volume, whatever image it names')
})
