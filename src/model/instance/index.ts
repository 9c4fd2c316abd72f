/** Instances: the record, the words for its states, and the tables of what may be asked of it. */
export type { InstanceAction, InstanceActionEvent } from './action.ts'
export type { BlockDevice } from './block-device.ts'
export { instanceName, type Instance, type InstanceFault } from './instance.ts'
export {
  POWER_STATES,
  TASK_STATES,
  VM_STATES,
  type PowerState,
  type TaskState,
  type VmState,
} from './states.ts'
