/**
 * The one table of what may be asked of an instance: from which states, through which task state, to
 * which state, who may when it is locked. The API's 409s, the compare-and-swaps of the services, the
 * dashboard's buttons and docs/instance-states.md come from it.
 */
import type { TaskState, VmState } from './states.ts'

export interface OperationRule {
  /** What the API calls it: the word in its 409s. */
  readonly action: string
  readonly vmStates: 'any' | readonly VmState[]
  /** `[null]`: only while nothing else is under way. */
  readonly taskStates: 'any' | readonly (TaskState | null)[]
  /** Task states that forbid it, where all others are well. */
  readonly notDuring: readonly TaskState[]
  /** Only for an instance that ran at least once. */
  readonly mustHaveLaunched: boolean
  /** Refused, to all but admins, when the instance is locked. */
  readonly refusedWhenLocked: boolean
  /** `set`: only for an instance that is on a host; `up`: on one whose compute answers. */
  readonly needsHost: 'no' | 'set' | 'up'
  /** The task state while it is under way; null when it is over at once. */
  readonly through: TaskState | null
  /** The vm states it may end in; none: it stays as it was. */
  readonly to: readonly VmState[]
}

const LOCKABLE = { refusedWhenLocked: true } as const
/** Most operations: the instance ran once, nothing is under way, and a lock stops it. */
const IDLE = { ...LOCKABLE, taskStates: [null], mustHaveLaunched: true } as const
const ANY_TIME = { taskStates: 'any', mustHaveLaunched: true } as const
const ATTACHABLE = [
  'active',
  'paused',
  'resized',
  'shelved',
  'shelved_offloaded',
  'soft-delete',
  'stopped',
] as const
const SNAPSHOTABLE = ['active', 'paused', 'stopped', 'suspended'] as const
const CONSOLE = { needsHost: 'set', notDuring: ['deleting', 'migrating'] } as const

/** The states in which a second, hard reboot may overtake what is under way. */
const OVERTAKEN_BY_HARD_REBOOT = [
  null,
  'pausing',
  'reboot_pending',
  'reboot_started',
  'rebooting',
  'rebooting_hard',
  'resuming',
  'suspending',
  'unpausing',
] as const

function rule(action: string, differs: Partial<OperationRule>): OperationRule {
  return {
    action,
    vmStates: 'any',
    taskStates: 'any',
    notDuring: [],
    mustHaveLaunched: false,
    refusedWhenLocked: false,
    needsHost: 'no',
    through: null,
    to: [],
    ...differs,
  }
}

export const OPERATIONS = {
  delete: rule('delete', { ...LOCKABLE, through: 'deleting', to: ['deleted'] }),
  soft_delete: rule('delete', { ...LOCKABLE, ...ANY_TIME, through: 'soft-deleting', to: ['soft-delete'] }),
  force_delete: rule('forceDelete', { ...LOCKABLE, through: 'deleting', to: ['deleted'] }),
  restore: rule('restore', { ...IDLE, vmStates: ['soft-delete'], through: 'restoring', to: ['active'] }),
  stop: rule('stop', {
    ...IDLE,
    vmStates: ['active', 'error'],
    needsHost: 'set',
    through: 'powering-off',
    to: ['stopped'],
  }),
  start: rule('start', {
    ...IDLE,
    vmStates: ['stopped'],
    needsHost: 'set',
    through: 'powering-on',
    to: ['active'],
  }),
  trigger_crash_dump: rule('trigger_crash_dump', {
    ...IDLE,
    vmStates: ['active', 'error', 'paused', 'rescued', 'resized'],
    needsHost: 'set',
  }),
  backup: rule('createBackup', {
    ...IDLE,
    refusedWhenLocked: false,
    vmStates: SNAPSHOTABLE,
    through: 'image_backup',
  }),
  snapshot: rule('createImage', {
    ...IDLE,
    refusedWhenLocked: false,
    vmStates: SNAPSHOTABLE,
    through: 'image_snapshot_pending',
  }),
  snapshot_volume_backed: rule('createImage', { ...IDLE, refusedWhenLocked: false, vmStates: SNAPSHOTABLE }),
  reboot: rule('reboot', { ...LOCKABLE }),
  _soft_reboot: rule('reboot', {
    ...IDLE,
    refusedWhenLocked: false,
    vmStates: ['active'],
    through: 'rebooting',
    to: ['active'],
  }),
  _hard_reboot: rule('reboot', {
    vmStates: ['active', 'error', 'paused', 'stopped', 'suspended'],
    taskStates: OVERTAKEN_BY_HARD_REBOOT,
    mustHaveLaunched: true,
    through: 'rebooting_hard',
    to: ['active'],
  }),
  rebuild: rule('rebuild', {
    ...IDLE,
    vmStates: ['active', 'error', 'stopped'],
    through: 'rebuilding',
    to: ['active', 'stopped'],
  }),
  revert_resize: rule('revertResize', {
    ...IDLE,
    vmStates: ['resized'],
    through: 'resize_reverting',
    to: ['active', 'stopped'],
  }),
  confirm_resize: rule('confirmResize', { ...IDLE, vmStates: ['resized'], to: ['active', 'stopped'] }),
  resize: rule('resize', {
    ...IDLE,
    vmStates: ['active', 'stopped'],
    needsHost: 'up',
    through: 'resize_prep',
    to: ['resized'],
  }),
  shelve: rule('shelve', {
    ...IDLE,
    vmStates: SNAPSHOTABLE,
    through: 'shelving',
    to: ['shelved', 'shelved_offloaded'],
  }),
  shelve_offload: rule('shelveOffload', {
    ...IDLE,
    vmStates: ['shelved'],
    through: 'shelving_offloading',
    to: ['shelved_offloaded'],
  }),
  unshelve: rule('unshelve', {
    ...IDLE,
    vmStates: ['shelved', 'shelved_offloaded'],
    through: 'unshelving',
    to: ['active'],
  }),
  add_fixed_ip: rule('addFixedIp', { ...LOCKABLE }),
  remove_fixed_ip: rule('removeFixedIp', { ...LOCKABLE }),
  pause: rule('pause', { ...IDLE, vmStates: ['active'], through: 'pausing', to: ['paused'] }),
  unpause: rule('unpause', { ...IDLE, vmStates: ['paused'], through: 'unpausing', to: ['active'] }),
  get_diagnostics: rule('get_diagnostics', { needsHost: 'set' }),
  get_instance_diagnostics: rule('get_diagnostics', { needsHost: 'set' }),
  suspend: rule('suspend', { ...IDLE, vmStates: ['active'], through: 'suspending', to: ['suspended'] }),
  resume: rule('resume', { ...IDLE, vmStates: ['suspended'], through: 'resuming', to: ['active'] }),
  rescue: rule('rescue', {
    ...IDLE,
    vmStates: ['active', 'error', 'stopped'],
    through: 'rescuing',
    to: ['rescued'],
  }),
  unrescue: rule('unrescue', { ...IDLE, vmStates: ['rescued'], through: 'unrescuing', to: ['active'] }),
  set_admin_password: rule('changePassword', { ...IDLE, vmStates: ['active'], through: 'updating_password' }),
  get_vnc_console: rule('get_vnc_console', { ...CONSOLE }),
  get_spice_console: rule('get_spice_console', { ...CONSOLE }),
  get_serial_console: rule('get_serial_console', { ...CONSOLE }),
  get_mks_console: rule('get_mks_console', { ...CONSOLE }),
  get_console_output: rule('get_console_output', { needsHost: 'set' }),
  inject_network_info: rule('injectNetworkInfo', { ...LOCKABLE }),
  attach_volume: rule('attach_volume', { ...IDLE, vmStates: ATTACHABLE }),
  _detach_volume: rule('detach_volume', { needsHost: 'up' }),
  detach_volume: rule('detach_volume', { ...IDLE, vmStates: ATTACHABLE }),
  swap_volume: rule('swap_volume', { ...IDLE, vmStates: ['active', 'paused', 'resized'] }),
  attach_interface: rule('attach_interface', { ...IDLE, vmStates: ['active', 'paused', 'stopped'] }),
  detach_interface: rule('detach_interface', { ...IDLE, vmStates: ['active', 'paused', 'stopped'] }),
  delete_instance_metadata: rule('delete metadata', { ...LOCKABLE, ...ANY_TIME, vmStates: SNAPSHOTABLE }),
  update_instance_metadata: rule('update metadata', { ...LOCKABLE, ...ANY_TIME, vmStates: SNAPSHOTABLE }),
  live_migrate: rule('os-migrateLive', { ...IDLE, vmStates: ['active', 'paused'], through: 'migrating' }),
  live_migrate_force_complete: rule('force_complete', {
    ...IDLE,
    vmStates: ['active'],
    taskStates: ['migrating'],
  }),
  live_migrate_abort: rule('abort live migration', { ...IDLE, taskStates: ['migrating'] }),
  evacuate: rule('evacuate', {
    ...ANY_TIME,
    vmStates: ['active', 'error', 'stopped'],
    through: 'rebuilding',
    to: ['active', 'stopped'],
  }),
  do_volume_snapshot_create: rule('create', { ...IDLE, refusedWhenLocked: false, needsHost: 'set' }),
  do_volume_snapshot_delete: rule('delete', { ...IDLE, refusedWhenLocked: false, needsHost: 'set' }),
  allow_share: rule('allow_share', { vmStates: ['stopped'] }),
  deny_share: rule('deny_share', { vmStates: ['error', 'stopped'] }),
} as const satisfies Record<string, OperationRule>

export type Operation = keyof typeof OPERATIONS
export const OPERATION_NAMES = Object.keys(OPERATIONS) as readonly Operation[]

/** The rule of one operation. */
export const ruleOf = (operation: Operation): OperationRule => OPERATIONS[operation]

/** The vm states in which an instance's tags may be changed. */
export const TAGGABLE_VM_STATES: readonly VmState[] = SNAPSHOTABLE
