/** The servers in the namespaces: a dnsmasq per network, and one haproxy in front of the metadata agent for all. */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Children } from './children.ts'
import { inSpace, type Tools } from './commands.ts'
import type { DhcpServer } from './dhcp-files.ts'
import { METADATA_ADDRESS, type MetadataDoor } from './plan.ts'

export interface Servers {
  /** Ends the DHCP servers that are not among these. */
  retain(dhcp: readonly DhcpServer[]): Promise<void>
  /** Starts, tells or ends servers until they are these. Yields the networks whose server failed, and why. */
  apply(dhcp: readonly DhcpServer[], doors: readonly MetadataDoor[]): Promise<ReadonlyMap<string, unknown>>
  /** Forgets that a server runs: the next `apply` starts it again. */
  forget(name: string): void
}

export interface ServersDeps {
  readonly tools: Tools
  readonly children: Children
  /** Readable for the users that the servers become. */
  readonly runDir: string
  readonly metadataSocket: string
  /** Whom haproxy becomes. */
  readonly proxyUser: string
}

const PROXY = 'metadata-proxy'

export function createServers(deps: ServersDeps): Servers {
  const applied = new Map<string, { server: DhcpServer; args: string }>()
  let proxyConfig = ''
  const retain = async (dhcp: readonly DhcpServer[]): Promise<void> => {
    for (const name of applied.keys()) {
      if (dhcp.some((server) => nameOf(server) === name)) continue
      await deps.children.stop(name)
      applied.delete(name)
    }
  }
  return {
    retain,
    async apply(dhcp, doors) {
      const failures = new Map<string, unknown>()
      const upstream = await upstreamServers()
      await retain(dhcp)
      for (const server of dhcp)
        try {
          await applyDhcp(deps, server, upstream, applied)
        } catch (error) {
          failures.set(server.networkId, error)
        }
      const config = proxyConfigOf(deps, doors)
      if (config !== proxyConfig) {
        await applyProxy(deps, doors.length > 0 ? config : '')
        proxyConfig = config
      }
      return failures
    },
    forget(name) {
      applied.delete(name)
      if (name === PROXY) proxyConfig = ''
    },
  }
}

const nameOf = (server: DhcpServer): string => `dhcp-${server.networkId}`

async function applyDhcp(
  deps: ServersDeps,
  server: DhcpServer,
  upstream: readonly string[],
  applied: Map<string, { server: DhcpServer; args: string }>,
): Promise<void> {
  const name = nameOf(server)
  const before = applied.get(name)
  const file = (kind: string) => join(deps.runDir, `${server.networkId}.${kind}`)
  const args = [
    ...server.args,
    `--dhcp-hostsfile=${file('hosts')}`,
    `--dhcp-optsfile=${file('options')}`,
    `--addn-hosts=${file('names')}`,
    ...upstream.map((address) => `--server=${address}`),
  ]
  if (before?.args === args.join(' ') && JSON.stringify(before.server) === JSON.stringify(server)) return
  await writeReadable(file('hosts'), server.hosts)
  await writeReadable(file('options'), server.options)
  await writeReadable(file('names'), server.names)
  // A lease that is given up is only forgotten with the process: else its address would be denied to the next.
  const onlyMore =
    before?.args === args.join(' ') && before.server.hosts.every((line) => server.hosts.includes(line))
  if (onlyMore && deps.children.pid(name) !== undefined) deps.children.signal(name, 'SIGHUP')
  else {
    await deps.children.stop(name)
    applied.delete(name)
    const { dnsmasq } = deps.tools
    await deps.children.start({
      name,
      ...inSpace(deps.tools, server.space, [dnsmasq, '--conf-file', ...args]),
      readyWhen: 'started, version',
    })
  }
  applied.set(name, { server, args: args.join(' ') })
}

async function writeReadable(path: string, lines: readonly string[]): Promise<void> {
  await writeFile(path, lines.map((line) => `${line}\n`).join(''), { mode: 0o644 })
}

const RESOLVERS = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']

/** The machine's own name servers, as far as a namespace can reach them: none that listen on loopback. */
async function upstreamServers(): Promise<string[]> {
  for (const path of RESOLVERS) {
    const text = await readFile(path, 'utf8').catch(() => '')
    const servers = [...text.matchAll(/^\s*nameserver\s+([0-9.]+)\s*$/gm)].map((match) => match[1] ?? '')
    const reachable = servers.filter((server) => !server.startsWith('127.'))
    if (reachable.length > 0) return reachable
  }
  return []
}

/** Starts the proxy anew beside the old one, which finishes its requests and ends. */
async function applyProxy(deps: ServersDeps, config: string): Promise<void> {
  if (config === '') return deps.children.stop(PROXY)
  const path = join(deps.runDir, 'haproxy.cfg')
  await writeFile(path, config, { mode: 0o600 })
  const old = deps.children.pid(PROXY)
  const handOver = old === undefined ? [] : ['-sf', String(old)]
  await deps.children.start({
    name: PROXY,
    program: deps.tools.haproxy,
    args: ['-db', '-q', '-f', path, ...handOver],
  })
}

const HEADER = { network: 'X-Neutron-Network-ID', router: 'X-Neutron-Router-ID' } as const
/** What only we say: a guest that sends these is not believed. */
const OURS = [
  'X-Neutron-Network-ID',
  'X-Neutron-Router-ID',
  'X-Forwarded-For',
  'X-Instance-ID',
  'X-Instance-ID-Signature',
  'X-Tenant-ID',
  'X-Metadata-Provider',
  'X-Metadata-Provider-Signature',
]

function proxyConfigOf(deps: ServersDeps, doors: readonly MetadataDoor[]): string {
  return [
    'global',
    ' maxconn 128',
    ' nbthread 1',
    ' tune.bufsize 8192',
    ` user ${deps.proxyUser}`,
    'defaults',
    ' mode http',
    ' option http-server-close',
    ' retries 1',
    ' timeout http-request 10s',
    ' timeout connect 10s',
    ' timeout client 32s',
    ' timeout server 32s',
    ' timeout http-keep-alive 10s',
    'backend agent',
    ` server agent unix@${deps.metadataSocket}`,
    ...doors.flatMap((door) => [
      `frontend ${door.by}_${door.id}`,
      ` bind ${METADATA_ADDRESS}:80 namespace ${door.space}`,
      ...OURS.map((header) => ` http-request del-header ${header}`),
      ' http-request set-header X-Forwarded-For %[src]',
      ` http-request set-header ${HEADER[door.by]} ${door.id}`,
      ' default_backend agent',
    ]),
    '',
  ].join('\n')
}

/** The directory of the servers' files, emptied. */
export async function prepareRunDir(runDir: string): Promise<void> {
  await mkdir(runDir, { recursive: true, mode: 0o755 })
  await chmod(runDir, 0o755)
}

export const removeRunDir = (runDir: string): Promise<void> => rm(runDir, { recursive: true, force: true })
