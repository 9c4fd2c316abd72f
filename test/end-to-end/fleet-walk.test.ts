/** The newcomer's walk on a fleet: every service a process, several of most, on PostgreSQL and RabbitMQ. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './cloud-process.ts'
import { openstackWalk } from './openstack-walk.ts'

const run = promisify(execFile)

const fleet = (command: string, stateDir: string, ...args: readonly string[]) => {
  const launcher = join(ROOT, 'bin/kilonova.mjs')
  return run(process.execPath, [launcher, 'fleet', command, '--state-dir', stateDir, ...args])
}

openstackWalk({
  async start(stateDir) {
    const port = String(20_000 + ((process.pid * 40) % 12_000))
    const stop = async (): Promise<void> => void (await fleet('down', stateDir, '--erase'))
    try {
      // Real guests only: a simulated host has nothing to log in to.
      await fleet('up', stateDir, '--port', port, '--driver', 'qemu', '--computes', '0')
    } catch (error) {
      await stop()
      throw error
    }
    return { stop }
  },
  guests: 'computes/qemu/instances',
})
