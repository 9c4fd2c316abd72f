/** Disks that an image defines: read strictly, beside those that are sent. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flavor as nano, imageOf } from '../../../test/contract/virt-driver.ts'
import { readDevices } from './block-devices.ts'
import { rootNameOf, withImageDevices } from './image-devices.ts'

const flavor = { ...nano, ephemeralGb: 5, swapMb: 0 }
const SNAPSHOT = { source_type: 'snapshot', destination_type: 'volume', snapshot_id: 's', volume_size: 3 }
const root = { ...SNAPSHOT, boot_index: 0, device_name: '/dev/sda', delete_on_termination: true }
const data = { ...SNAPSHOT, boot_index: null, device_name: '/dev/sdb', guest_format: null, no_device: null }

const imageWith = (mapping: unknown, more: Record<string, string> = { bdm_v2: 'True' }) => ({
  ...imageOf(Buffer.alloc(0)),
  properties: {
    block_device_mapping: typeof mapping === 'string' ? mapping : JSON.stringify(mapping),
    ...more,
  },
})
const seen = (sent: object, mapping: unknown, more?: Record<string, string>) =>
  withImageDevices(readDevices({ imageRef: 'i', ...sent }), imageWith(mapping, more), { sent, flavor }).map(
    (device) => [device.sourceType, device.deviceName, device.bootIndex, device.volumeSizeGb],
  )

test('the image’s root disk takes the place of the image itself; of two disks of one name the one that is sent counts', () => {
  const defined = [
    ['snapshot', '/dev/sda', 0, 3],
    ['snapshot', '/dev/sdb', null, 3],
  ]
  assert.deepEqual(seen({}, [root, data]), defined)
  const own = { source_type: 'blank', destination_type: 'volume', volume_size: 9, device_name: '/dev/sdb' }
  const implied = { source_type: 'image', destination_type: 'local', uuid: 'i', boot_index: 0 }
  assert.deepEqual(seen({ block_device_mapping_v2: [implied, own] }, [root, data]), [
    ['blank', '/dev/sdb', null, 9],
    ['snapshot', '/dev/sda', 0, 3],
  ])
  assert.deepEqual(seen({}, [data])[0]?.slice(0, 3), ['image', null, 0], 'data alone is no root disk')
})

test('what is no mapping is refused', () => {
  for (const wrong of ['{', '{}', '[1]', '[{"source_type": "moon"}]', [{ ...root, snapshot_id: 7 }]])
    assert.throws(() => seen({}, wrong), { kind: 'badRequest' }, JSON.stringify(wrong))
  for (const old of [[{ device_name: '/dev/vdc' }], [{ volume_id: 7 }]])
    assert.throws(() => seen({}, old, {}), { kind: 'badRequest' }, JSON.stringify(old))
  for (const mappings of ['{', '[{"virtual": "swap"}]', '[7]'])
    assert.throws(() => seen({}, [], { mappings }), { kind: 'badRequest' }, mappings)
})

test('the first syntax says by name what boots, and what a request says of a name, if only that there is none, goes before it', () => {
  const old = [
    { device_name: 'vda', snapshot_id: 's', volume_size: 3, no_device: null },
    { device_name: '/dev/vdc', volume_id: 'v', delete_on_termination: true },
    { device_name: 'vdd', no_device: true },
    { device_name: 'vde', virtual_name: 'ephemeral0' },
  ]
  const data = ['volume', '/dev/vdc', -1, null]
  const rest = ['blank', '/dev/vde', -1, null]
  assert.deepEqual(seen({}, old, {}), [['snapshot', '/dev/vda', 0, 3], data, rest])
  const none = { block_device_mapping: [{ device_name: '/dev/vdc', no_device: true }] }
  assert.deepEqual(seen(none, old, {}), [['snapshot', '/dev/vda', 0, 3], rest])
  const elsewhere = { root_device_name: '/dev/sda' }
  assert.deepEqual(seen({}, old, elsewhere), [
    ['image', null, 0, null],
    ['snapshot', '/dev/vda', -1, 3],
    data,
    rest,
  ])
})

test('mappings name the flavor’s disks, which there are as far as the flavor has them, and the root disk', () => {
  const mappings = JSON.stringify([
    { virtual: 'ami', device: 'x' },
    { virtual: 'root', device: 'sdr' },
    { virtual: 'ephemeral0', device: 'sdb', guest_format: 'ext4' },
    { virtual: 'swap', device: '/dev/sdc' },
  ])
  assert.deepEqual(seen({}, [], { mappings }), [
    ['image', null, 0, null],
    ['blank', '/dev/sdb', -1, 5],
  ])
  assert.equal(rootNameOf(imageWith([], { mappings })), '/dev/sdr')
  assert.equal(rootNameOf(imageWith([], { mappings, root_device_name: 'sdq' })), '/dev/sdq')
  assert.equal(rootNameOf(null), '/dev/vda')
})
