/** The two clouds that a storm breaks over: everything in one process on SQLite, and a fleet on PostgreSQL and RabbitMQ. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, startCloudProcess, temporaryStateDir } from '../../test/end-to-end/cloud-process.ts'
import { cpuSeconds, processTree } from '../measure/processes.ts'

export const SHAPES = ['all-in-one', 'fleet'] as const
export type Shape = (typeof SHAPES)[number]

/** Simulated ones. */
const HOSTS = 4

export interface StormCloud {
  readonly stateDir: string
  /** CPU seconds so far, by the kind of process. */
  cpu(): Readonly<Record<string, number>>
  stop(): Promise<void>
}

export const startCloud: Readonly<Record<Shape, () => Promise<StormCloud>>> = {
  async 'all-in-one'() {
    const stateDir = temporaryStateDir()
    const cloud = await startCloudProcess(stateDir, ['--driver', 'simulated', '--hosts', String(HOSTS)])
    return {
      stateDir,
      cpu: () => ({ 'all-in-one': cpuSeconds(cloud.pid) }),
      async stop() {
        await cloud.stop()
        rmSync(stateDir, { recursive: true, force: true })
      },
    }
  },

  async fleet() {
    const stateDir = temporaryStateDir()
    const fleet = (command: string, ...args: readonly string[]): void =>
      void execFileSync(
        process.execPath,
        [join(ROOT, 'bin/kilonova.mjs'), 'fleet', command, '--state-dir', stateDir, ...args],
        { stdio: ['ignore', 'ignore', 'inherit'] },
      )
    const stop = async (): Promise<void> => fleet('down', '--erase')
    try {
      const port = String(20_000 + ((process.pid * 40) % 12_000))
      fleet('up', '--driver', 'simulated', '--computes', String(HOSTS), '--port', port)
    } catch (error) {
      await stop()
      throw error
    }
    return { stateDir, cpu: () => fleetCpu(join(stateDir, 'run')), stop }
  },
}

/** `nova-api-1` and `nova-api-2` are both `nova-api`. */
function fleetCpu(pidFolder: string): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const file of readdirSync(pidFolder).filter((name) => name.endsWith('.pid'))) {
    const kind = file.replace(/(-fake)?(-\d+)?\.pid$/, '')
    const pid = Number(readFileSync(join(pidFolder, file), 'utf8').split(' ')[0])
    const seconds = processTree(pid).reduce((sum, each) => sum + cpuSeconds(each), 0)
    sums[kind] = (sums[kind] ?? 0) + seconds
  }
  return sums
}
