/**
 * A newcomer's first hour with Debian's `openstack` client and real guests: boot, log, ping, ssh, stop,
 * start, reboot, delete, and nothing left. The same for every arrangement of the services.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { login } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'
import { interfaceWalk, volumeWalk } from './devices-walk.ts'
import { openstack, remains, temporaryStateDir } from './cloud-process.ts'

const run = promisify(execFile)
const GUEST_BOOTS_MS = 120_000

export interface Arrangement {
  /** Brings the cloud up; yields what takes it down. */
  start(stateDir: string): Promise<{ stop(): Promise<void> }>
  /** Where guests are kept, under the state directory. */
  readonly guests: string
}

/** Declares the walk's tests. */
export function openstackWalk(arrangement: Arrangement): void {
  const stateDir = temporaryStateDir()
  const keyFile = join(stateDir, 'id')
  const userData = join(stateDir, 'user-data.sh')
  let cloud: { stop(): Promise<void> }
  const left = () => remains(stateDir, arrangement.guests)

  const os = (...args: string[]): Promise<string> => openstack(stateDir, ...args)
  const field = async (server: string, name: string): Promise<string> =>
    (await os('server', 'show', server, '-f', 'value', '-c', name)).trim()
  const fixedIp = async (server: string): Promise<string> =>
    /\d+\.\d+\.\d+\.\d+/.exec(await field(server, 'addresses'))?.[0] ?? ''

  const ssh = async (ip: string, ...command: string[]): Promise<string> => {
    const options = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'BatchMode=yes',
      'ConnectTimeout=10',
      'LogLevel=ERROR',
    ]
    const { stdout } = await run('ssh', [
      '-i',
      keyFile,
      ...options.flatMap((option) => ['-o', option]),
      `root@${ip}`,
      ...command,
    ])
    return stdout
  }

  const create = (name: string): Promise<string> =>
    os(
      'server',
      'create',
      '--image',
      'tiny',
      '--flavor',
      'm1.nano',
      '--network',
      'private',
      '--key-name',
      'k',
      '--user-data',
      userData,
      '--wait',
      name,
    )

  before(async () => {
    cloud = await arrangement.start(stateDir)
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyFile])
    writeFileSync(userData, '#!/bin/sh\necho "hello from user data of $(hostname)"\n')
  })

  after(async () => {
    await cloud.stop()
    rmSync(stateDir, { recursive: true })
  })

  test('two servers boot and become ACTIVE', async () => {
    await os('keypair', 'create', '--public-key', `${keyFile}.pub`, 'k')
    await create('s1')
    await create('s2')
    assert.equal(await field('s1', 'status'), 'ACTIVE')
    assert.equal(await field('s2', 'status'), 'ACTIVE')
  })

  test('the console log holds the login prompt and what the user data printed', async () => {
    for (const server of ['s1', 's2']) {
      const log = await eventually(
        async () => {
          const text = await os('console', 'log', 'show', server)
          return text.includes('login:') && text.includes('hello from user data') ? text : undefined
        },
        { withinMs: GUEST_BOOTS_MS, everyMs: 1_000, what: `the login prompt of ${server}` },
      )
      assert.match(log, new RegExp(`hello from user data of ${server}`))
    }
  })

  test('ssh with the key works from the host, and the guests reach each other', async () => {
    await os('security', 'group', 'rule', 'create', '--proto', 'tcp', '--dst-port', '22', 'default')
    const [first, second] = [await fixedIp('s1'), await fixedIp('s2')]
    const hostname = await eventually(() => ssh(first, 'hostname'), {
      withinMs: 30_000,
      everyMs: 500,
      what: 'ssh to s1',
    })
    assert.equal(hostname.trim(), 's1')
    assert.match(await ssh(first, 'ping', '-c', '3', '-W', '2', second), / 0% packet loss/)
    assert.match(await ssh(second, 'ping', '-c', '3', '-W', '2', first), / 0% packet loss/)
  })

  test('a floating IP leads to the guest', async () => {
    const floating = (
      await os('floating', 'ip', 'create', 'public', '-f', 'value', '-c', 'floating_ip_address')
    ).trim()
    await os('server', 'add', 'floating', 'ip', 's2', floating)
    const hostname = await eventually(() => ssh(floating, 'hostname'), {
      withinMs: 30_000,
      everyMs: 500,
      what: 'ssh by the floating IP',
    })
    assert.equal(hostname.trim(), 's2')
    await os('server', 'remove', 'floating', 'ip', 's2', floating)
    await os('floating', 'ip', 'delete', floating)
  })

  test('the metadata service tells a guest about itself only', async () => {
    const about = await ssh(
      await fixedIp('s2'),
      'timeout 5 wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json',
    )
    assert.equal((JSON.parse(about) as { name: string }).name, 's2')
  })

  test('a volume and an interface come to a running guest, and go', async () => {
    const [client, ip] = [await login(stateDir, 'kilonova-demo'), await fixedIp('s1')]
    const serverId = await field('s1', 'id')
    const guest = { client, serverId, ssh: (command: string) => ssh(ip, command) }
    await volumeWalk(guest)
    await interfaceWalk(guest)
  })

  const statusOf = (server: string, status: string): Promise<string> =>
    eventually(async () => ((await field(server, 'status')) === status ? status : undefined), {
      withinMs: 90_000,
      everyMs: 500,
      what: `${server} ${status}`,
    })

  test('stop, start and both reboots work', async () => {
    await os('server', 'stop', 's1')
    await statusOf('s1', 'SHUTOFF')
    assert.equal(left().processes.length, 1)
    await os('server', 'start', 's1')
    await statusOf('s1', 'ACTIVE')
    await os('server', 'reboot', '--hard', '--wait', 's1')
    await os('server', 'reboot', '--soft', '--wait', 's2')
    const second = await fixedIp('s2')
    await eventually(() => ssh(second, 'hostname'), {
      withinMs: GUEST_BOOTS_MS,
      everyMs: 1_000,
      what: 's2 after its reboot',
    })
  })

  test('after the deletes nothing is left', async () => {
    const admin = await login(stateDir, 'kilonova-admin')
    const guestPorts = async () => {
      const { ports } = (await admin.ok('network', 'GET', '/ports')) as {
        ports: { id: string; device_owner: string }[]
      }
      return ports.filter((port) => port.device_owner.startsWith('compute:'))
    }
    // Taps are told by their ports: other clouds of this machine have taps too.
    const taps = new Set((await guestPorts()).map(({ id }) => `tap${id.slice(0, 11)}`))
    assert.equal(taps.size, 2)
    await os('server', 'delete', '--wait', 's1', 's2')
    const found = left()
    assert.deepEqual(found.processes, [])
    assert.deepEqual(found.guestDirs, [])
    assert.deepEqual(
      found.taps.filter((tap) => taps.has(tap)),
      [],
    )
    assert.deepEqual(await guestPorts(), [])
    const { resource_providers: providers } = (await admin.ok('placement', 'GET', '/resource_providers')) as {
      resource_providers: { uuid: string }[]
    }
    for (const { uuid } of providers) {
      const { allocations } = (await admin.ok(
        'placement',
        'GET',
        `/resource_providers/${uuid}/allocations`,
      )) as { allocations: object }
      assert.deepEqual(allocations, {})
    }
  })
}
