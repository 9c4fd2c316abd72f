import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomIds } from '#lib/ids.ts'
import { guestSpec } from '../../test/compute-rig.ts'
import { defaultComputeConfig } from './config.ts'
import { guestDefinition } from './guest-definition.ts'

const world = { config: defaultComputeConfig, ids: randomIds }
const injected = { adminPass: 'pw', files: [{ path: '/etc/motd', contents: 'aGVsbG8=' }] }
const metaData = (drive: ReturnType<typeof guestDefinition>['configDrive']) =>
  JSON.parse(String(drive?.['openstack/latest/meta_data.json'])) as Record<string, unknown>

test('what the owner puts into a guest is on its config drive when it is built, and on none made later', () => {
  const guest = { ...guestSpec(), configDrive: true }
  const { configDrive: built } = guestDefinition(guest, world, injected)
  assert.equal(metaData(built)['admin_pass'], 'pw')
  assert.deepEqual(metaData(built)['files'], [{ path: '/etc/motd', content_path: '/content/0000' }])
  assert.equal(String(built?.['openstack/content/0000']), 'hello')
  const { configDrive: later } = guestDefinition(guest, world)
  assert.equal('admin_pass' in metaData(later), false)
  assert.equal(guestDefinition(guestSpec(), world, injected).configDrive, null)
})
