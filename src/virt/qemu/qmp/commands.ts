/** Each QMP command that is used, as a named method. */
import type { QmpConnection } from './protocol.ts'

/** QEMU's RunState, as far as we look at it. */
export interface RunStatus {
  /** The vCPUs run. */
  readonly running: boolean
  /** `running`, `paused`, `prelaunch`, `io-error`, `shutdown`, `guest-panicked` … */
  readonly status: string
}

export interface QmpCommands {
  queryStatus(): Promise<RunStatus>
  /** Runs the vCPUs (after a start with `-S`, or a pause). */
  cont(): Promise<void>
  /** Presses the guest's ACPI power button. */
  systemPowerdown(): Promise<void>
  /** Ends QEMU, its disks flushed. The connection may end before the answer. */
  quit(): Promise<void>
}

export function commandsOf(connection: QmpConnection): QmpCommands {
  return {
    async queryStatus() {
      const answer = (await connection.execute('query-status')) as Partial<RunStatus>
      return { running: answer.running === true, status: String(answer.status) }
    },
    async cont() {
      await connection.execute('cont')
    },
    async systemPowerdown() {
      await connection.execute('system_powerdown')
    },
    async quit() {
      await connection.execute('quit')
    },
  }
}
