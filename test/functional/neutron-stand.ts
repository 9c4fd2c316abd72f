/** A Neutron of a test's own: in memory, over real HTTP, with tokens that name who they are. */
import { createHttpClient, type HttpAnswer } from '#lib/http/index.ts'
import { systemClock } from '#lib/clock.ts'
import { randomIds } from '#lib/ids.ts'
import { type Log, silentLog } from '#lib/log.ts'
import { type Database, openDatabase } from '#db/kit/index.ts'
import type { Identity, ServiceSession, TokenInfo } from '#neighbours/identity/port.ts'
import {
  createNeutron,
  createUserPlane,
  type NetworkPlane,
  type NeutronDeps,
} from '#stand-ins/neutron/index.ts'

export const DEMO = 'd'.repeat(32)
export const ALT = 'a'.repeat(32)
export const ADMIN = '0'.repeat(32)

const token = (projectId: string, roles: readonly string[]): TokenInfo => ({
  userId: 'u'.repeat(32),
  userDomainId: 'default',
  projectId,
  projectDomainId: 'default',
  domainId: null,
  systemScope: null,
  roles,
  expiresAt: Number.MAX_SAFE_INTEGER,
})

const TOKENS: Readonly<Record<string, TokenInfo>> = {
  demo: token(DEMO, ['member', 'reader']),
  reader: token(DEMO, ['reader']),
  alt: token(ALT, ['member', 'reader']),
  admin: token(ADMIN, ['admin', 'member', 'reader']),
}

export interface Stand {
  readonly url: string
  readonly session: ServiceSession
  readonly http: ReturnType<typeof createHttpClient>
  readonly provisioned: { readonly publicNetworkId: string; readonly privateNetworkId: string }
  call(who: string, method: string, path: string, json?: unknown): Promise<HttpAnswer>
  /** The answer's one resource or list; fails on any status of 300 and above. */
  ok<T = Record<string, unknown>>(who: string, method: string, path: string, json?: unknown): Promise<T>
  close(): Promise<void>
}

export interface StandOptions {
  readonly plane?: NetworkPlane
  readonly log?: Log
  /** One of the caller's, which stays open. */
  readonly database?: Database
  readonly metadata?: NonNullable<NeutronDeps['metadata']>
}

/** Starts it, with `public` and `private` made. */
export async function startNeutron(options: StandOptions = {}): Promise<Stand> {
  const log = options.log ?? silentLog
  const db = options.database ?? openDatabase('sqlite://')
  const identity: Identity = { validate: async (text) => TOKENS[text] }
  const neutron = createNeutron({
    db,
    identity,
    plane: options.plane ?? createUserPlane({ log, why: 'a test' }),
    log,
    ids: randomIds,
    clock: systemClock,
    publicUrl: 'http://neutron.test',
    host: 'host1',
    ...(options.metadata && { metadata: options.metadata }),
  })
  await neutron.start()
  const provisioned = await neutron.provision({ adminProjectId: ADMIN, demoProjectId: DEMO })
  const url = await neutron.app.listen({ port: 0, host: '127.0.0.1' })
  const http = createHttpClient()
  const call: Stand['call'] = (who, method, path, json) =>
    http.send({
      method,
      url: `${url}/v2.0/${path}`,
      headers: { 'x-auth-token': who },
      ...(json !== undefined && { json }),
    })
  return {
    url,
    http,
    provisioned,
    session: {
      headers: async () => ({ 'x-auth-token': 'admin' }),
      endpoint: async () => url,
      invalidate() {},
    },
    call,
    async ok<T>(who: string, method: string, path: string, json?: unknown) {
      const answer = await call(who, method, path, json)
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
      return Object.values((answer.json ?? {}) as Record<string, unknown>)[0] as T
    },
    async close() {
      await http.close()
      await neutron.close()
      if (!options.database) await db.close()
    },
  }
}
