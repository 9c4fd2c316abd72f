/** A guest without a machine: a network namespace behind a veth that is named and plugged as Nova does a tap. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Vif } from '#model/network/index.ts'

const runFile = promisify(execFile)
const TOOL = join(import.meta.dirname, 'guest-tool.ts')

export const ip = async (...args: string[]): Promise<string> => (await runFile('ip', args)).stdout

export interface Lease {
  readonly address: string
  readonly router: string
  readonly dns: string
  readonly mtu: number
  readonly routes: string
}

export interface FakeGuest {
  readonly space: string
  readonly address: string
  /** Runs a tool inside and yields what it printed. */
  tool<T>(...args: string[]): Promise<T>
  dhcp(mac?: string): Promise<Lease | null>
  /** Takes an address and the default route, as after a lease. */
  configure(router: string | null): Promise<void>
  ip(...args: string[]): Promise<string>
  listen(port: number, tool?: 'listen' | 'echo'): Promise<void>
  /** A connection kept busy: how it ended, once it did. */
  stream(
    address: string,
    port: number,
  ): Promise<{ readonly ended: Promise<{ ended: string; echoes: number }> }>
  /** `said`: the server's words; `error` when it was not reached. */
  connect(address: string, port: number, from?: string): Promise<{ said?: string; error?: string }>
  close(): Promise<void>
}

/** Plugs a guest into the bridge its vif names. */
export async function plugGuest(vif: Vif): Promise<FakeGuest> {
  const space = `kntest-${vif.id.slice(0, 8)}`
  const servers: ChildProcess[] = []
  await ip('netns', 'add', space)
  await ip('link', 'add', vif.devname, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space)
  await ip('link', 'set', vif.devname, 'master', String(vif.details['bridge_name']), 'up')
  // Not `ip -n`, which mounts things anew and cannot in a chroot.
  const net = `--net=/run/netns/${space}`
  const inside = async (...args: string[]) => (await runFile('nsenter', [net, 'ip', ...args])).stdout
  await inside('link', 'set', 'eth0', 'address', vif.macAddress, 'up')
  await inside('link', 'set', 'lo', 'up')
  const address = vif.fixedIps[0]?.address ?? ''
  const tool = async <T>(...args: string[]): Promise<T> => {
    const { stdout } = await runFile('nsenter', [net, process.execPath, TOOL, ...args])
    return JSON.parse(stdout) as T
  }
  const background = (...args: string[]) => {
    const child = spawn('nsenter', [net, process.execPath, TOOL, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    servers.push(child)
    return child.stdout
  }
  return {
    space,
    address,
    tool,
    ip: inside,
    async dhcp(mac = vif.macAddress) {
      await inside('route', 'replace', '255.255.255.255/32', 'dev', 'eth0')
      const lease = await tool<Lease | null>('dhcp', mac)
      await inside('route', 'del', '255.255.255.255/32', 'dev', 'eth0')
      return lease
    },
    async configure(router) {
      await inside('addr', 'add', `${address}/24`, 'dev', 'eth0')
      if (router !== null) await inside('route', 'add', 'default', 'via', router)
    },
    async listen(port, tool = 'listen') {
      await once(background(tool, String(port)), 'data')
    },
    async stream(to, port) {
      const printed = background('stream', to, String(port))
      await once(printed, 'data')
      const ended = once(printed, 'data').then(
        ([line]) => JSON.parse(String(line)) as { ended: string; echoes: number },
      )
      return { ended }
    },
    connect: (to, port, from) => tool('connect', to, String(port), ...(from === undefined ? [] : [from])),
    async close() {
      for (const server of servers) {
        if (server.exitCode !== null) continue
        const closed = once(server, 'close')
        server.kill('SIGKILL')
        await closed
      }
      await ip('link', 'del', vif.devname)
      await ip('netns', 'del', space)
    },
  }
}
