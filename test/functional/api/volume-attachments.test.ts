/** Volumes of servers at the API's door: what is written and reserved, what is refused, and how they look in each version. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { listBlockDevices } from '#db/block-devices.ts'
import { updateInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { deviceNameFor } from '#api/volume-attachments/devices.ts'
import { activate, message, startCloud } from './servers-there.ts'

const bodyFor = (volumeId: string, more: object = {}) => ({ volumeAttachment: { volumeId, ...more } })

test('an attach reserves the volume, names the disk and begins the operation; a second one is refused', async (t) => {
  const api = await startCloud(t)
  const uuid = await api.make()
  await activate(api, uuid)
  const { volumes } = api.there
  const one = volumes.add()
  const path = `/servers/${uuid}/os-volume_attachments`
  const made = await api.send(`POST ${path}`, { body: bodyFor(one.id) })
  assert.equal(made.status, 200, made.text)
  assert.deepEqual(made.body, {
    volumeAttachment: { id: one.id, volumeId: one.id, serverId: uuid, device: '/dev/vdb' },
  })
  assert.equal(volumes.volumes.get(one.id)?.status, 'reserved')
  const db = api.db.typed<NovaDb>()
  const saga = await db.selectFrom('operations').select('saga').where('instance_uuid', '=', uuid).execute()
  assert.ok(saga.some((row) => row.saga === 'attach-volume'))
  const { body } = await api.send(`GET /servers/${uuid}/os-instance-actions`)
  assert.ok((body.instanceActions as { action: string }[]).some(({ action }) => action === 'attach_volume'))

  const again = await api.send(`POST ${path}`, { body: bodyFor(one.id) })
  assert.equal(again.status, 400)
  assert.match(message(again.body), /^Invalid volume: volume .* is already attached to instances: /)
  const two = volumes.add()
  const taken = await api.send(`POST ${path}`, { body: bodyFor(two.id, { device: '/dev/sdb' }) })
  assert.deepEqual(
    [taken.status, message(taken.body)],
    [409, 'The supplied device path (/dev/sdb) is in use.'],
  )
  assert.equal(volumes.volumes.get(two.id)?.status, 'available', 'what was refused is free')
  const late = { at: '2.101', body: bodyFor(two.id, { tag: 'data', delete_on_termination: true }) }
  const silent = await api.send(`POST ${path}`, late)
  assert.deepEqual([silent.status, silent.text], [202, ''])
  const [, device] = [...((await listBlockDevices(db, [uuid])).get(uuid) ?? [])].filter((d) => d.volumeId)
  assert.deepEqual([device?.deviceName, device?.tag, device?.deleteOnTermination], ['/dev/vdc', 'data', true])

  const shown = async (at: string) =>
    Object.keys((await api.send(`GET ${path}/${two.id}`, { at })).body.volumeAttachment as object)
  const old = ['id', 'volumeId', 'serverId', 'device']
  assert.deepEqual(await shown('2.69'), old)
  assert.deepEqual(await shown('2.70'), [...old, 'tag'])
  assert.deepEqual(await shown('2.88'), [...old, 'tag', 'delete_on_termination'])
  assert.deepEqual(await shown('2.89'), [
    'volumeId',
    'serverId',
    'device',
    'tag',
    'delete_on_termination',
    'attachment_id',
    'bdm_uuid',
  ])
  const page = await api.send(`GET ${path}?limit=1&offset=1`)
  assert.equal((page.body.volumeAttachments as { id: string }[])[0]?.id, two.id)
  const server = (await api.send(`GET /servers/${uuid}`)).body.server as Record<string, unknown>
  assert.deepEqual(server['os-extended-volumes:volumes_attached'], [{ id: one.id }, { id: two.id }])
})

test('refusals of attach and detach are Nova’s', async (t) => {
  const api = await startCloud(t)
  const uuid = await api.make()
  const { volumes } = api.there
  const free = volumes.add()
  const many = volumes.add({ multiattach: true })
  const busy = volumes.add({ status: 'error' })
  const path = `/servers/${uuid}/os-volume_attachments`
  const ask = async (method: string, id: string, at?: string, as: 'demo' | 'reader' | 'alt' = 'demo') => {
    const route = method === 'POST' ? `POST ${path}` : `${method} ${path}/${id}`
    const body = method === 'DELETE' ? {} : { body: bodyFor(id) }
    const answer = await api.send(route, { as, ...(at !== undefined && { at }), ...body })
    return `${answer.status} ${answer.text === '' ? '' : message(answer.body)}`
  }
  const nobody = randomUUID()
  assert.match(await ask('POST', free.id), /^409 Cannot 'attach_volume' instance .* vm_state building$/)
  await activate(api, uuid)
  assert.equal(await ask('POST', nobody), `404 Volume ${nobody} could not be found.`)
  assert.match(await ask('POST', busy.id), /^400 Invalid input received: /)
  assert.match(await ask('POST', many.id, '2.59'), /^400 Multiattach volumes are only supported starting/)
  assert.match(await ask('POST', free.id, undefined, 'reader'), /^403 /)
  assert.match(await ask('POST', free.id, undefined, 'alt'), /^404 Instance /)
  assert.equal(await ask('DELETE', nobody), `404 Volume ${nobody} could not be found.`)
  assert.equal(await ask('DELETE', free.id), `404 Instance ${uuid} is not attached to volume ${free.id}`)
  const db = api.db.typed<NovaDb>()
  await updateInstance(db, uuid, { vmState: 'shelved_offloaded' }, { now: 2 })
  assert.match(
    await ask('POST', free.id, '2.19'),
    /^409 Cannot 'attach_volume' .* vm_state shelved_offloaded$/,
  )
  assert.match(await ask('POST', many.id, '2.60'), /^400 Attaching multiattach volumes is not supported/)
  assert.match(await ask('POST', free.id, '2.20'), /^200/)
  assert.equal(
    await ask('DELETE', free.id, '2.20').then((told) => told.slice(0, 4)),
    '400 ',
    'not in use yet',
  )
  assert.equal(volumes.attachments.size, 1)
})

test('a volume in use is detached once, and swapped by admins for one as large', async (t) => {
  const api = await startCloud(t)
  const uuid = await api.make()
  await activate(api, uuid)
  const { volumes } = api.there
  const [old, next, small] = [volumes.add({ sizeGb: 2 }), volumes.add({ sizeGb: 2 }), volumes.add()]
  const path = `/servers/${uuid}/os-volume_attachments`
  await api.send(`POST ${path}`, { body: bodyFor(old.id) })
  for (const { id } of volumes.attachments.values()) await volumes.complete(id)
  const put = async (id: string, body: object, at = '2.1', as: 'demo' | 'admin' = 'admin') => {
    const answer = await api.send(`PUT ${path}/${id}`, { as, at, body })
    return `${answer.status} ${answer.text === '' ? '' : message(answer.body)}`
  }
  assert.match(await put(old.id, bodyFor(next.id), '2.1', 'demo'), /^403 .*os-volumes-attachments:swap/)
  assert.equal(
    await put(old.id, bodyFor(small.id)),
    '400 Invalid volume: New volume must be the same size or larger.',
  )
  const nobody = randomUUID()
  assert.equal(await put(old.id, bodyFor(nobody)), `400 Volume ${nobody} could not be found.`)
  assert.match(
    await put(next.id, bodyFor(old.id)),
    /^400 Invalid volume: Old volume is attached to a different/,
  )
  const keep = (more: object) => put(old.id, bodyFor(old.id, more), '2.85', 'demo')
  assert.equal(await keep({ tag: 'x' }), '400 The tag property is not mutable')
  assert.equal(await keep({ serverId: randomUUID() }), '400 The serverId property is not mutable')
  assert.equal(
    await keep({ id: old.id, serverId: uuid, device: '/dev/vdb', delete_on_termination: 'yes' }),
    '202 ',
  )
  const [device] = [...((await listBlockDevices(api.db.typed<NovaDb>(), [uuid])).get(uuid) ?? [])].filter(
    ({ volumeId }) => volumeId === old.id,
  )
  assert.equal(device?.deleteOnTermination, true)
  assert.equal(
    await put(next.id, bodyFor(next.id), '2.85'),
    `404 No volume Block Device Mapping with id ${next.id}.`,
  )

  assert.equal(await put(old.id, bodyFor(next.id)), '202 ')
  const status = (id: string) => volumes.volumes.get(id)?.status
  assert.deepEqual([status(old.id), status(next.id)], ['detaching', 'reserved'])
  const twice = await api.send(`DELETE ${path}/${old.id}`)
  assert.match(message(twice.body), /^Invalid input received: /)
  await volumes.rollDetaching(old.id)
  assert.equal((await api.send(`DELETE ${path}/${old.id}`)).status, 202)
  assert.equal(status(old.id), 'detaching')
})

test('disks are named one after another, whatever their prefix', () => {
  const named = (names: readonly string[], wished?: string, root: string | null = '/dev/vda') =>
    deviceNameFor(
      { rootDeviceName: root },
      names.map((deviceName) => ({ deviceName })),
      wished,
    )
  assert.equal(named([]), '/dev/vdb')
  assert.equal(named(['/dev/vdb', '/dev/sdc'], undefined, '/dev/sda1'), '/dev/sdd')
  assert.equal(named([], '/dev/vdq'), '/dev/vdq')
  assert.throws(() => named(['/dev/vdb'], '/dev/xvdb'), /in use/)
  const all = Array.from('bcdefghijklmnopqrstuvwxyz', (letter) => `/dev/vd${letter}`)
  assert.equal(named(all), '/dev/vdaa')
})
