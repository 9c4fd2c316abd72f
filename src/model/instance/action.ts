/** What was done to an instance: an action is a request, its events are the steps that came of it. */

export interface InstanceAction {
  readonly id: number
  readonly instanceUuid: string
  /** Nova's word: `create`, `stop`, `reboot` … */
  readonly action: string
  readonly requestId: string
  readonly userId: string
  readonly projectId: string
  readonly startedAt: number
  readonly finishedAt: number | null
  /** `Error` when an event failed. */
  readonly message: string | null
  readonly createdAt: number
  readonly updatedAt: number
}

export interface InstanceActionEvent {
  readonly id: number
  readonly actionId: number
  /** Nova's word: `compute__do_build_and_run_instance` … */
  readonly event: string
  readonly host: string | null
  readonly startedAt: number
  readonly finishedAt: number | null
  /** Null while it runs. */
  readonly result: 'Success' | 'Error' | null
  /** What went wrong, for the owner. */
  readonly details: string | null
  /** What went wrong, for the admin. */
  readonly traceback: string | null
}
