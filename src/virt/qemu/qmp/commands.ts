/** Each QMP command that is used, as a named method. */
import type { QmpConnection } from './protocol.ts'

/** QEMU's RunState, as far as we look at it. */
export interface RunStatus {
  /** The vCPUs run. */
  readonly running: boolean
  /** `running`, `paused`, `prelaunch`, `io-error`, `shutdown`, `guest-panicked` … */
  readonly status: string
}

/** Of one drive since its QEMU started. */
export interface BlockStats {
  readonly rd_bytes: number
  readonly rd_operations: number
  readonly wr_bytes: number
  readonly wr_operations: number
  readonly failed_rd_operations: number
  readonly failed_wr_operations: number
}

export interface QmpCommands {
  queryStatus(): Promise<RunStatus>
  /** Runs the vCPUs (after a start with `-S`, or a pause). */
  cont(): Promise<void>
  /** Stops the vCPUs where they are; disks are flushed. */
  stop(): Promise<void>
  /** A non-maskable interrupt: a guest that is set up for it dumps its memory. */
  injectNmi(): Promise<void>
  /** Bytes of memory that the guest has. */
  queryMemory(): Promise<number>
  /** The numbers of its processors. */
  queryCpus(): Promise<readonly number[]>
  /** What each disk has read and written. */
  queryBlockStats(): Promise<readonly BlockStats[]>
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
    async stop() {
      await connection.execute('stop')
    },
    async injectNmi() {
      await connection.execute('inject-nmi')
    },
    async queryMemory() {
      const answer = (await connection.execute('query-memory-size-summary')) as { 'base-memory': number }
      return answer['base-memory']
    },
    async queryCpus() {
      const answer = (await connection.execute('query-cpus-fast')) as readonly { 'cpu-index': number }[]
      return answer.map((cpu) => cpu['cpu-index'])
    },
    async queryBlockStats() {
      const answer = (await connection.execute('query-blockstats')) as readonly { stats: BlockStats }[]
      return answer.map(({ stats }) => stats)
    },
    async systemPowerdown() {
      await connection.execute('system_powerdown')
    },
    async quit() {
      await connection.execute('quit')
    },
  }
}
