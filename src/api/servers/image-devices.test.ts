/** Disks that an image defines: read strictly, beside those that are sent. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf } from '../../../test/contract/virt-driver.ts'
import { readDevices } from './block-devices.ts'
import { withImageDevices } from './image-devices.ts'

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
  withImageDevices(readDevices({ imageRef: 'i', ...sent }), imageWith(mapping, more)).map((device) => [
    device.sourceType,
    device.deviceName,
    device.bootIndex,
    device.volumeSizeGb,
  ])

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
  assert.deepEqual(seen({}, [data])[0]?.slice(0, 3), ['image', '/dev/vda', 0], 'data alone is no root disk')
})

test('what is no mapping is refused, and one in the first syntax is passed over', () => {
  for (const wrong of ['{', '{}', '[1]', '[{"source_type": "moon"}]', [{ ...root, snapshot_id: 7 }]])
    assert.throws(() => seen({}, wrong), { kind: 'badRequest' }, JSON.stringify(wrong))
  assert.deepEqual(seen({}, [root], {}).length, 1)
})
