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

/** How far the way of a guest's memory out of its QEMU, or into it, is. */
export interface MigrationStatus {
  /** `setup`, `active`, `completed`, `failed`, `cancelled` … */
  readonly status: string
  readonly problem: string | undefined
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
  /** Begins to send all that the guest is, but for its disks, to a unix socket, as fast as it goes. */
  migrate(socket: string): Promise<void>
  /** Begins to wait on a unix socket for what another QEMU sent (after a start with `-incoming defer`). */
  migrateIncoming(socket: string): Promise<void>
  migrateCancel(): Promise<void>
  queryMigrate(): Promise<MigrationStatus>
  /** The machine with its version, as `-machine` understands it: `pc-i440fx-7.2` for `pc`. */
  queryMachine(): Promise<string>
  /** Presses the guest's ACPI power button. */
  systemPowerdown(): Promise<void>
  /** Ends QEMU, its disks flushed. The connection may end before the answer. */
  quit(): Promise<void>
}

/** QEMU's own limit is for guests that share a wire. */
const UNLIMITED_BYTES_A_SECOND = 2 ** 40

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
    async migrate(socket) {
      await connection.execute('migrate-set-parameters', { 'max-bandwidth': UNLIMITED_BYTES_A_SECOND })
      await connection.execute('migrate', { uri: `unix:${socket}` })
    },
    async migrateIncoming(socket) {
      await connection.execute('migrate-incoming', { uri: `unix:${socket}` })
    },
    async migrateCancel() {
      await connection.execute('migrate_cancel')
    },
    async queryMigrate() {
      const answer = (await connection.execute('query-migrate')) as {
        readonly status?: string
        readonly 'error-desc'?: string
      }
      return { status: answer.status ?? 'none', problem: answer['error-desc'] }
    },
    async queryMachine() {
      const type = await connection.execute('qom-get', { path: '/machine', property: 'type' })
      return String(type).replace(/-machine$/, '')
    },
    async systemPowerdown() {
      await connection.execute('system_powerdown')
    },
    async quit() {
      await connection.execute('quit')
    },
  }
}
