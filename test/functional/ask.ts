/** Asking a cloud's compute API in tests: `GET /servers` at a version, and faults in Nova's shape. */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import type { Answer, CloudClient } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'
import { startCloud } from './whole-cloud.ts'

type User = 'demo' | 'admin' | 'reader' | 'alt'
/** `reader` is in demo's project; `alt` is a stranger. */
export type Users = Readonly<Record<User, CloudClient>>

/** One cloud for the tests of a suite; its users are there once the tests run. */
export function usersOfOneCloud(options: Parameters<typeof startCloud>[1] = {}): Users {
  const users: Partial<Record<User, CloudClient>> = {}
  const stops: (() => unknown)[] = []
  before(async () => {
    const cloud = await startCloud({ after: (stop) => void stops.push(stop as () => unknown) }, options)
    for (const user of ['demo', 'admin', 'reader', 'alt'] as const) users[user] = await cloud.as(user)
  })
  after(async () => {
    for (const stop of stops) await stop()
  })
  return users as Users
}

export interface Asking {
  /** The microversion; the newest by default. */
  readonly at?: string
  readonly body?: unknown
}

/** Sends `METHOD /path` to the compute API. */
export function ask(who: CloudClient, route: string, { at = '2.104', body }: Asking = {}): Promise<Answer> {
  const [method = '', path = ''] = route.split(' ')
  return who.call('compute', method, path, body, { 'openstack-api-version': `compute ${at}` })
}

/** As `ask`, and fails unless it succeeds. */
export async function askOk(who: CloudClient, route: string, asking: Asking = {}): Promise<Answer['body']> {
  const answer = await ask(who, route, asking)
  assert.ok(answer.status < 300, `${route}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

const NAMES: Readonly<Record<number, string>> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  409: 'conflictingRequest',
  413: 'overLimit',
}

/** Fails unless the answer is this fault in Nova's shape, with this message. */
export function assertFault(answer: Answer, status: number, message?: string | RegExp): void {
  const said = JSON.stringify(answer.body)
  assert.equal(answer.status, status, said)
  const fault = (answer.body as Record<string, { code: number; message: string }>)[NAMES[status] ?? '']
  assert.ok(fault, said)
  assert.deepEqual(Object.keys(answer.body as object), [NAMES[status]])
  assert.equal(fault.code, status)
  if (typeof message === 'string') assert.equal(fault.message, message)
  else if (message) assert.match(fault.message, message)
}

/** Fails unless a policy forbids it. */
export const assertForbidden = (answer: Answer): void =>
  assertFault(answer, 403, /^Policy doesn't allow [\w:-]+ to be performed\.$/)

export interface Wish {
  readonly name?: string
  readonly networks?: unknown
  readonly [field: string]: unknown
}

/** Creates a server of the flavor m1.nano and the only image; its id. */
export async function createServer(who: CloudClient, wish: Wish = {}): Promise<string> {
  const { images } = (await who.ok('image', 'GET', '/images')) as { images: { id: string }[] }
  const server = { name: 's', imageRef: images[0]?.id, flavorRef: '42', networks: 'none', ...wish }
  const body = (await askOk(who, 'POST /servers', { at: '2.96', body: { server } })) as {
    server: { id: string }
  }
  return body.server.id
}

/** Creates a server and waits until it is ACTIVE. */
export async function activeServer(who: CloudClient, wish: Wish = {}): Promise<string> {
  const id = await createServer(who, wish)
  await untilStatus(who, id, 'ACTIVE')
  return id
}

/** Waits until nothing is under way and the server has this status; fails at once when it is in ERROR instead. */
export async function untilStatus(who: CloudClient, id: string, status: string): Promise<void> {
  const server = await eventually(
    async () => {
      const shown = (await askOk(who, `GET /servers/${id}`)).server as {
        status: string
        'OS-EXT-STS:task_state': string | null
        fault?: { message: string }
      }
      const isOver = shown.status === status || shown.status === 'ERROR'
      return isOver && shown['OS-EXT-STS:task_state'] === null && shown
    },
    { what: `server ${id} ${status}` },
  )
  assert.equal(server.status, status, server.fault?.message)
}

/** The private network of the project `demo`. */
export async function privateNetwork(who: CloudClient): Promise<string> {
  const { networks } = (await who.ok('network', 'GET', '/networks?name=private')) as {
    networks: { id: string }[]
  }
  return networks[0]?.id ?? ''
}
