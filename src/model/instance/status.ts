/** A server's `status` in the API, of its instance's vm state and task state; and back, for filters. */
import { type TaskState, VM_STATES, type VmState } from './states.ts'

export const SERVER_STATUSES = [
  'ACTIVE',
  'BUILD',
  'DELETED',
  'ERROR',
  'HARD_REBOOT',
  'MIGRATING',
  'PASSWORD',
  'PAUSED',
  'REBOOT',
  'REBUILD',
  'RESCUE',
  'RESIZE',
  'REVERT_RESIZE',
  'SHELVED',
  'SHELVED_OFFLOADED',
  'SHUTOFF',
  'SOFT_DELETED',
  'SUSPENDED',
  'UNKNOWN',
  'VERIFY_RESIZE',
] as const
export type ServerStatus = (typeof SERVER_STATUSES)[number]

interface StatusRule {
  readonly otherwise: ServerStatus
  readonly during: Partial<Readonly<Record<TaskState, ServerStatus>>>
}

const REBUILDING = {
  rebuilding: 'REBUILD',
  rebuild_block_device_mapping: 'REBUILD',
  rebuild_spawning: 'REBUILD',
} as const
const RESIZING = {
  resize_prep: 'RESIZE',
  resize_migrating: 'RESIZE',
  resize_migrated: 'RESIZE',
  resize_finish: 'RESIZE',
} as const

const STATUS: Readonly<Record<VmState, StatusRule>> = {
  active: {
    otherwise: 'ACTIVE',
    during: {
      rebooting: 'REBOOT',
      reboot_pending: 'REBOOT',
      reboot_started: 'REBOOT',
      rebooting_hard: 'HARD_REBOOT',
      reboot_pending_hard: 'HARD_REBOOT',
      reboot_started_hard: 'HARD_REBOOT',
      updating_password: 'PASSWORD',
      ...REBUILDING,
      migrating: 'MIGRATING',
      ...RESIZING,
    },
  },
  building: { otherwise: 'BUILD', during: {} },
  stopped: { otherwise: 'SHUTOFF', during: { ...RESIZING, ...REBUILDING } },
  resized: { otherwise: 'VERIFY_RESIZE', during: { resize_reverting: 'REVERT_RESIZE' } },
  paused: { otherwise: 'PAUSED', during: { migrating: 'MIGRATING' } },
  suspended: { otherwise: 'SUSPENDED', during: {} },
  rescued: { otherwise: 'RESCUE', during: {} },
  error: { otherwise: 'ERROR', during: REBUILDING },
  deleted: { otherwise: 'DELETED', during: {} },
  'soft-delete': { otherwise: 'SOFT_DELETED', during: {} },
  shelved: { otherwise: 'SHELVED', during: {} },
  shelved_offloaded: { otherwise: 'SHELVED_OFFLOADED', during: {} },
}

/** The status the API shows. */
export function statusOf(vmState: VmState, taskState: TaskState | null): ServerStatus {
  const rule = STATUS[vmState] as StatusRule | undefined
  return (taskState === null ? undefined : rule?.during[taskState]) ?? rule?.otherwise ?? 'UNKNOWN'
}

export interface StatesOfStatuses {
  /** Empty when no status of these exists. */
  readonly vmStates: readonly VmState[]
  /** Undefined: any, as when one of the statuses is a vm state's usual one. */
  readonly taskStates: readonly TaskState[] | undefined
}

/**
 * The states a list filter by `status` looks for, whatever the letter case. As Nova does it: `ACTIVE`
 * finds every active instance, whatever it is busy with.
 */
export function statesOfStatuses(statuses: readonly string[]): StatesOfStatuses {
  const wanted = new Set(statuses.map((status) => status.toUpperCase()))
  const vmStates = new Set<VmState>()
  const taskStates = new Set<TaskState>()
  let anyTask = false
  for (const vmState of VM_STATES) {
    const { otherwise, during } = STATUS[vmState]
    const tasks = (Object.keys(during) as TaskState[]).filter((task) => wanted.has(during[task] ?? ''))
    for (const task of tasks) taskStates.add(task)
    if (wanted.has(otherwise)) anyTask = true
    if (wanted.has(otherwise) || tasks.length > 0) vmStates.add(vmState)
  }
  return {
    vmStates: [...vmStates].sort(),
    taskStates: anyTask || vmStates.size === 0 ? undefined : [...taskStates].sort(),
  }
}
