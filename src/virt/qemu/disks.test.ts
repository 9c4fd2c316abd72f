/** What becomes of volumes: disks in their order, the root disk among them, files of this host and nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BootVolume } from '#virt/port.ts'
import { volumeDisks } from './disks.ts'

const volume = (changes: Partial<BootVolume> = {}): BootVolume => ({
  volumeId: 'v',
  deviceName: '/dev/vda',
  tag: null,
  bootIndex: null,
  connection: { driverVolumeType: 'local', data: { device_path: '/volumes/v', format: 'raw' } },
  ...changes,
})

test('the volume that boots is the root disk, and each is raw whatever is in it', () => {
  const disks = volumeDisks([volume(), volume({ bootIndex: 0 }), volume({ bootIndex: 1 })])
  assert.deepEqual(
    disks.map(({ id, file, format, readOnly }) => [id, file, format, readOnly]),
    [
      ['volume0', '/volumes/v', 'raw', false],
      ['root', '/volumes/v', 'raw', false],
      ['volume2', '/volumes/v', 'raw', false],
    ],
  )
})

test('a volume that is no file of this host is refused by name', () => {
  const iscsi = { driverVolumeType: 'iscsi', data: { target_iqn: 'iqn' } }
  assert.throws(() => volumeDisks([volume({ connection: iscsi })]), /volume v: it is a iscsi one/)
  assert.throws(() => volumeDisks([volume({ connection: null })]), /unconnected/)
})
