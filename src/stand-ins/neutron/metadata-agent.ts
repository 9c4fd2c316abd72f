/**
 * The metadata agent: hears what guests ask at 169.254.169.254, finds out which guest it is by the
 * network it came from and its address there, and passes the question on to Nova, signed.
 */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { chmod, chown, rm } from 'node:fs/promises'
import {
  createServer,
  type IncomingMessage,
  request,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http'
import { isIPv4 } from 'node:net'
import { pipeline } from 'node:stream/promises'
import type { Log } from '#lib/log.ts'
import type { PortDoc } from './documents.ts'
import { ROUTER_INTERFACE } from './kinds/router.ts'
import { listDocs, type NeutronDb } from './store.ts'

/** Where Nova's metadata service listens. */
export type MetadataUpstream =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number }

export interface MetadataAgentDeps {
  readonly db: NeutronDb
  readonly log: Log
  readonly upstream: MetadataUpstream
  /** `metadata_proxy_shared_secret`. */
  readonly sharedSecret: string
  /** The plane's proxies connect here; nobody else may, for they say who the guest is. */
  readonly socket: { readonly path: string; readonly uid: number; readonly gid: number }
}

const TIMEOUT_MS = 30_000

export interface MetadataAgent {
  start(): Promise<void>
  close(): Promise<void>
}

export function createMetadataAgent(deps: MetadataAgentDeps): MetadataAgent {
  const server: Server = createServer((question, answer) => {
    pass(deps, question, answer).catch((error: unknown) => {
      deps.log.error({ err: error }, 'a metadata request was not answered')
      if (!answer.headersSent) say(answer, 503, 'Service Unavailable')
      else answer.destroy()
    })
  })
  return {
    async start() {
      await rm(deps.socket.path, { force: true })
      server.listen(deps.socket.path)
      await once(server, 'listening')
      await chmod(deps.socket.path, 0o600)
      await chown(deps.socket.path, deps.socket.uid, deps.socket.gid)
    },
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function pass(
  deps: MetadataAgentDeps,
  question: IncomingMessage,
  answer: ServerResponse,
): Promise<void> {
  const port = await findGuest(deps.db, question)
  if (!port) return say(answer, 404, 'Not Found')
  const signature = createHmac('sha256', deps.sharedSecret).update(port.device_id).digest('hex')
  const headers = {
    accept: question.headers.accept ?? '*/*',
    'x-forwarded-for': headerOf(question, 'x-forwarded-for'),
    'x-instance-id': port.device_id,
    'x-tenant-id': port.project_id,
    'x-instance-id-signature': signature,
    ...copied(question, 'content-type', 'content-length', 'transfer-encoding'),
  }
  const options: RequestOptions = {
    ...deps.upstream,
    method: question.method,
    path: question.url,
    headers,
    timeout: TIMEOUT_MS,
  }
  const onward = request(options)
  onward.on('timeout', () => onward.destroy(new Error('the metadata service did not answer in time')))
  const sent = pipeline(question, onward)
  const [reply] = (await Promise.all([once(onward, 'response'), sent]))[0] as [IncomingMessage]
  answer.writeHead(reply.statusCode ?? 502, copiedReply(reply))
  await pipeline(reply, answer)
}

function copied(message: IncomingMessage, ...names: string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (message.headers[name] === undefined ? [] : [[name, headerOf(message, name)]])),
  )
}

const copiedReply = (reply: IncomingMessage) =>
  copied(reply, 'content-type', 'content-length', 'x-openstack-request-id')

const headerOf = (message: IncomingMessage, name: string): string => {
  const value = message.headers[name]
  return typeof value === 'string' ? value : ''
}

function say(answer: ServerResponse, status: number, text: string): void {
  answer.writeHead(status, { 'content-type': 'text/plain; charset=UTF-8' }).end(`${status} ${text}\n`)
}

/** The port that has the sender's address on the network, or on a network of the router, it asked through. */
async function findGuest(db: NeutronDb, question: IncomingMessage): Promise<PortDoc | undefined> {
  const address = headerOf(question, 'x-forwarded-for')
  const networkId = headerOf(question, 'x-neutron-network-id')
  const routerId = headerOf(question, 'x-neutron-router-id')
  if (!isIPv4(address) || (networkId === '') === (routerId === '')) return undefined
  const networkIds = networkId === '' ? await networksOf(db, routerId) : [networkId]
  const ports = await listDocs(db, 'port', { parentIds: networkIds })
  const found = ports.filter(
    (port) =>
      port.device_id !== '' &&
      !port.device_owner.startsWith('network:') &&
      port.fixed_ips.some((ip) => ip.ip_address === address),
  )
  return found.length === 1 ? found[0] : undefined
}

async function networksOf(db: NeutronDb, routerId: string): Promise<string[]> {
  const legs = await listDocs(db, 'port', { linkIds: [routerId] })
  return legs.filter((leg) => leg.device_owner === ROUTER_INTERFACE).map((leg) => leg.network_id)
}
