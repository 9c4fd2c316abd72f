/** A whole cloud: volumes follow their server from host to host, and Cinder always knows of one attachment, the server's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../eventually.ts'
import { startCloud } from './whole-cloud.ts'

interface Server {
  readonly id: string
  readonly status: string
  readonly 'OS-EXT-SRV-ATTR:host': string | null
  readonly 'OS-EXT-STS:task_state': string | null
  readonly 'os-extended-volumes:volumes_attached': readonly { readonly id: string }[]
}

interface Told {
  readonly attachment_id: string
  readonly server_id: string
  readonly host_name: string | null
}

const SINCE_ATTACHMENTS = { 'openstack-api-version': 'volume 3.44' }

test('a server that boots from a volume takes its volumes along, and back', async (t) => {
  const cloud = await startCloud(t, { hosts: 2 })
  const admin = await cloud.as('admin')
  const { images } = await admin.ok('image', 'GET', '/images?name=tiny')
  const { volume: data } = await admin.ok('volumev3', 'POST', '/volumes', { volume: { size: 1 } })
  const { server } = await admin.ok('compute', 'POST', '/servers', {
    server: {
      name: 's',
      imageRef: '',
      flavorRef: '1',
      networks: 'none',
      block_device_mapping_v2: [
        {
          boot_index: 0,
          uuid: images[0].id,
          source_type: 'image',
          destination_type: 'volume',
          volume_size: 1,
        },
      ],
    },
  })
  const show = async (): Promise<Server> => (await admin.ok('compute', 'GET', `/servers/${server.id}`)).server
  const settled = (status: string): Promise<Server> =>
    eventually(
      async () => {
        const shown = await show()
        return shown.status === status && shown['OS-EXT-STS:task_state'] === null && shown
      },
      { withinMs: 60_000, what: status },
    )
  const act = (body: object) => admin.ok('compute', 'POST', `/servers/${server.id}/action`, body)

  /** What the server names of each volume, and what Cinder tells of it, which must be the same. */
  const attachments = async (status: string): Promise<readonly string[]> => {
    const { volumeAttachments } = await admin.ok(
      'compute',
      'GET',
      `/servers/${server.id}/os-volume_attachments`,
    )
    const { 'OS-EXT-SRV-ATTR:host': host } = await show()
    const named: string[] = []
    for (const { attachment_id: id, volumeId } of volumeAttachments) {
      const { volume } = await admin.ok('volumev3', 'GET', `/volumes/${volumeId}`)
      const told = volume.attachments.map((one: Told) => [one.attachment_id, one.server_id, one.host_name])
      assert.deepEqual([volume.status, told], [status, host === null ? [] : [[id, server.id, host]]])
      const path = `/attachments?volume_id=${volumeId}`
      const { attachments: all } = await admin.ok('volumev3', 'GET', path, undefined, SINCE_ATTACHMENTS)
      assert.deepEqual(
        all.map((one: { id: string }) => one.id),
        [id],
        'none is left over',
      )
      named.push(id)
    }
    assert.equal(named.length, 2)
    return named
  }

  await settled('ACTIVE')
  const attach = { volumeAttachment: { volumeId: data.id } }
  await admin.ok('compute', 'POST', `/servers/${server.id}/os-volume_attachments`, attach)
  await eventually(
    async () => (await admin.ok('volumev3', 'GET', `/volumes/${data.id}`)).volume.status === 'in-use',
    { withinMs: 60_000, what: 'the attach' },
  )
  let before = await attachments('in-use')
  const moved = async (body: object, status: string, volumes = 'in-use') => {
    const from = (await show())['OS-EXT-SRV-ATTR:host']
    await act(body)
    const { 'OS-EXT-SRV-ATTR:host': to } = await settled(status)
    const after = await attachments(volumes)
    for (const id of after) assert.ok(!before.includes(id), 'Cinder was told anew')
    before = after
    assert.notEqual(to, from)
  }
  await moved({ migrate: null }, 'VERIFY_RESIZE')
  await moved({ revertResize: null }, 'ACTIVE')
  await moved({ resize: { flavorRef: '2' } }, 'VERIFY_RESIZE')
  await act({ confirmResize: null })
  await settled('ACTIVE')
  assert.deepEqual(await attachments('in-use'), before)
  await moved({ 'os-migrateLive': { host: null, block_migration: 'auto' } }, 'ACTIVE')
  await moved({ shelve: null }, 'SHELVED_OFFLOADED', 'reserved')
  await act({ unshelve: null })
  await settled('ACTIVE')
  assert.deepEqual(await attachments('in-use'), before, 'what was kept for it is used')
})
