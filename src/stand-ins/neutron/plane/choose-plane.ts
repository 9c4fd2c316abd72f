/** Which plane this machine can have: found out by trying, not by guessing. */
import { existsSync } from 'node:fs'
import { readFile, readlink, writeFile } from 'node:fs/promises'
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import { messageOf } from '#lib/undo.ts'
import { createBridgePlane } from './bridge-plane.ts'
import { type Commands, createCommands, findTools, run } from './commands.ts'
import { createNames } from './names.ts'
import type { NetworkPlane } from './port.ts'
import { createUserPlane } from './user-plane.ts'

export interface PlaneChoice {
  readonly stateDir: string
  readonly log: Log
  readonly clock: Clock
  /** `auto` takes bridges where they can be had. */
  readonly want: 'auto' | 'user'
}

/** A plane of bridges, or one of user networking that says why. */
export async function choosePlane(choice: PlaneChoice): Promise<NetworkPlane> {
  const user = (why: string) => createUserPlane({ log: choice.log, why })
  if (choice.want === 'user') return user('asked for')
  if (process.getuid?.() !== 0) return user('not started as root')
  const tools = findTools()
  if ('missing' in tools) return user(`not installed: ${tools.missing.join(', ')}`)
  const commands = createCommands(tools)
  const refusal = await tryOut(commands, createNames(choice.stateDir).prefix)
  if (refusal !== undefined) return user(refusal)
  return createBridgePlane({ ...choice, commands, proxyUser: await proxyUser() })
}

const BRIDGE_FILTER = '/proc/sys/net/bridge/bridge-nf-call-iptables'

/** Makes and removes one of each thing the plane needs. Yields why it cannot be had. */
async function tryOut(commands: Commands, prefix: string): Promise<string | undefined> {
  const device = `${prefix}-try`
  try {
    if (!existsSync(BRIDGE_FILTER)) await run('/sbin/modprobe', ['br_netfilter'])
    const rights = await rightsOf()
    if ((await readFile(REMEMBERED, 'utf8').catch(() => '')) === rights) return undefined
    await trial(commands, device)
    await writeFile(REMEMBERED, rights)
    return undefined
  } catch (error) {
    return `this machine does not allow it (${messageOf(error)})`
  }
}

/** A trial that went well holds until the machine is started anew, for processes with the same rights: it costs 50 ms. */
const REMEMBERED = '/run/kilonova-plane'

async function rightsOf(): Promise<string> {
  const status = await readFile('/proc/self/status', 'utf8')
  const capabilities = /^CapEff:\s*(\S+)$/m.exec(status)?.[1] ?? ''
  const spaces = await Promise.all(['net', 'mnt'].map((name) => readlink(`/proc/self/ns/${name}`)))
  return [capabilities, ...spaces].join(' ')
}

const TRIAL = 'kn_try'

async function trial(commands: Commands, device: string): Promise<void> {
  // A trial that was killed half way left its things there.
  const links = (await commands.ipJson(['link', 'show'])) as { readonly ifname: string }[]
  if (links.some((link) => link.ifname === device)) await commands.ip([`link del ${device}`])
  if (existsSync(`/run/netns/${device}`)) await commands.ip([`netns del ${device}`])
  await Promise.all([
    commands.ip([`link add ${device} type bridge nf_call_iptables 1`, `link del ${device}`]),
    commands.nft(
      ['bridge', 'inet']
        .map((family) => `table ${family} ${TRIAL}\ndelete table ${family} ${TRIAL}\n`)
        .join(''),
    ),
    commands.ip([`netns add ${device}`, `netns del ${device}`]),
  ])
}

const PROXY_USERS = ['haproxy', 'nobody']

/** The first of the users that exists: the proxy reads what guests send, and needs no rights. */
async function proxyUser(): Promise<{ name: string; uid: number; gid: number }> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const name of PROXY_USERS) {
    const found = lines.find((fields) => fields[0] === name)
    if (found) return { name, uid: Number(found[2]), gid: Number(found[3]) }
  }
  return { name: 'root', uid: 0, gid: 0 }
}
