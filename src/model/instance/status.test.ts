/** Status of states, and states of a status filter. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  SERVER_STATUSES,
  type ServerStatus,
  statesOfStatuses,
  statusOf,
  TASK_STATES,
  type TaskState,
  VM_STATES,
  type VmState,
} from './index.ts'

const STATUSES: readonly [VmState, TaskState | null, ServerStatus][] = [
  ['building', 'spawning', 'BUILD'],
  ['active', null, 'ACTIVE'],
  ['active', 'powering-off', 'ACTIVE'],
  ['active', 'reboot_started', 'REBOOT'],
  ['active', 'reboot_started_hard', 'HARD_REBOOT'],
  ['stopped', 'resize_migrating', 'RESIZE'],
  ['stopped', 'migrating', 'SHUTOFF'],
  ['paused', 'migrating', 'MIGRATING'],
  ['error', 'rebuild_spawning', 'REBUILD'],
  ['resized', 'resize_reverting', 'REVERT_RESIZE'],
  ['soft-delete', null, 'SOFT_DELETED'],
]

test('a status is that of the vm state, unless the task has one of its own', () => {
  for (const [vmState, taskState, status] of STATUSES) assert.equal(statusOf(vmState, taskState), status)
  assert.equal(statusOf('melted' as VmState, null), 'UNKNOWN')
})

test('a filter finds the states of a status, as Nova does it', () => {
  assert.deepEqual(statesOfStatuses(['active']), { vmStates: ['active'], taskStates: undefined })
  assert.deepEqual(statesOfStatuses(['REBOOT']), {
    vmStates: ['active'],
    taskStates: ['reboot_pending', 'reboot_started', 'rebooting'],
  })
  assert.deepEqual(statesOfStatuses(['MIGRATING', 'verify_resize']), {
    vmStates: ['active', 'paused', 'resized'],
    taskStates: undefined,
  })
  assert.deepEqual(statesOfStatuses(['nonsense']), { vmStates: [], taskStates: undefined })
})

test('a filter by a status never misses a server that shows it', () => {
  for (const vmState of VM_STATES) {
    for (const taskState of [null, ...TASK_STATES]) {
      const { vmStates, taskStates } = statesOfStatuses([statusOf(vmState, taskState)])
      assert.ok(vmStates.includes(vmState))
      assert.ok(taskStates === undefined || (taskState !== null && taskStates.includes(taskState)))
    }
  }
})

test('every status but UNKNOWN is that of some states', () => {
  const missing = SERVER_STATUSES.filter((status) => statesOfStatuses([status]).vmStates.length === 0)
  assert.deepEqual(missing, ['UNKNOWN'])
})
