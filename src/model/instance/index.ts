/** Instances: the record, the words for its states, and the tables of what may be asked of it. */
export type { InstanceAction, InstanceActionEvent } from './action.ts'
export type { BlockDevice } from './block-device.ts'
export { freeDeviceName, isDeviceNameTaken } from './device-names.ts'
export { hostIdOf } from './host-id.ts'
export {
  BOOTS_FROM_VOLUME,
  instanceName,
  type Instance,
  type InstanceFault,
  isVolumeBacked,
} from './instance.ts'
export {
  type InstanceMigration,
  MIGRATION_STATUSES,
  type MigrationStatus,
  type MigrationType,
} from './migration.ts'
export {
  type Operation,
  OPERATION_NAMES,
  type OperationRule,
  ruleOf,
  TAGGABLE_VM_STATES,
} from './operations.ts'
export {
  POWER_STATES,
  TASK_STATES,
  VM_STATES,
  type PowerState,
  type TaskState,
  type VmState,
} from './states.ts'
export { SERVER_STATUSES, type ServerStatus, statesOfStatuses, statusOf } from './status.ts'
export { type JudgedInstance, refusalFault, requireAllowed, verdictFor } from './verdict.ts'
