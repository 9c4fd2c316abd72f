/** A Placement for tests, and a caller of it. */
import assert from 'node:assert/strict'
import { openDatabase, type Database } from '#db/kit/index.ts'
import { systemClock } from '#lib/clock.ts'
import { randomIds } from '#lib/ids.ts'
import { silentLog } from '#lib/log.ts'
import type { TokenInfo } from '#neighbours/identity/port.ts'
import { createPlacementApp } from '#placement/index.ts'

const token = (roles: readonly string[], projectId = 'project'): TokenInfo => ({
  userId: 'user',
  userDomainId: 'default',
  projectId,
  projectDomainId: 'default',
  domainId: null,
  systemScope: null,
  roles,
  expiresAt: Number.MAX_SAFE_INTEGER,
})

const TOKENS: Readonly<Record<string, TokenInfo>> = {
  admin: token(['admin']),
  service: token(['service']),
  reader: token(['reader'], 'p1'),
  // Keystone gives it no roles.
  unscoped: { ...token([]), projectId: null },
  member: token(['member', 'reader'], 'p1'),
  'admin elsewhere': token(['admin'], 'p2'),
  'reader elsewhere': token(['reader'], 'p2'),
  manager: token(['manager', 'member', 'reader'], 'p1'),
  nobody: token([], 'p1'),
  'system admin': { ...token(['admin']), projectId: null, systemScope: 'all' },
  'domain admin': { ...token(['admin']), projectId: null, domainId: 'd1' },
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>
  // biome-ignore lint: tests look into bodies of every shape
  readonly body: ReturnType<typeof JSON.parse>
}

export interface Asked {
  readonly version?: string
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is. */
  readonly raw?: string
}

export type Ask = (method: string, url: string, body?: unknown, asked?: Asked) => Promise<Reply>

export interface Fixture {
  readonly ask: Ask
  readonly db: Database
  close(): Promise<void>
}

type Options = Parameters<typeof createPlacementApp>[0]

/** Requests are of the newest version and an admin's, unless they say otherwise. A given database stays open. */
export async function startPlacement(given?: Database, more: Partial<Options> = {}): Promise<Fixture> {
  const db = given ?? openDatabase('sqlite://')
  const { app, start, close } = createPlacementApp({
    db,
    identity: { validate: async (text) => TOKENS[text] },
    log: silentLog,
    ids: randomIds,
    clock: systemClock,
    ...more,
  })
  await start()
  const ask: Ask = async (method, path, body, asked = {}) => {
    const payload = asked.raw ?? (body === undefined ? undefined : JSON.stringify(body))
    const response = await app.inject({
      method: method as 'GET',
      url: path,
      headers: {
        'openstack-api-version': `placement ${asked.version ?? 'latest'}`,
        ...(asked.token !== null && { 'x-auth-token': asked.token ?? 'admin' }),
        ...(payload !== undefined && { 'content-type': 'application/json' }),
        ...asked.headers,
      },
      ...(payload !== undefined && { payload }),
    })
    const json = (response.headers['content-type'] ?? '').includes('json')
    return {
      status: response.statusCode,
      headers: response.headers,
      body: json ? response.json() : undefined,
    }
  }
  return {
    ask,
    db,
    async close() {
      await close()
      if (!given) await db.close()
    },
  }
}

/** Makes a provider with an inventory, `{ VCPU: 8 }` or whole records, and answers its uuid. */
export async function makeProvider(
  ask: Ask,
  inventories: Readonly<Record<string, number | object>>,
  options: {
    name?: string
    parent?: string
    traits?: readonly string[]
    aggregates?: readonly string[]
  } = {},
): Promise<string> {
  const uuid = randomIds.uuid()
  const made = await ask('POST', '/resource_providers', {
    uuid,
    name: options.name ?? `provider-${uuid}`,
    ...(options.parent && { parent_provider_uuid: options.parent }),
  })
  assert.equal(made.status, 200)
  let generation = 0
  const put = async (what: string, body: object) => {
    const answer = await ask('PUT', `/resource_providers/${uuid}/${what}`, {
      ...body,
      resource_provider_generation: generation,
    })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    generation = answer.body.resource_provider_generation
  }
  const records = Object.entries(inventories).map(([name, each]) => [
    name,
    typeof each === 'number' ? { total: each } : each,
  ])
  if (records.length > 0) await put('inventories', { inventories: Object.fromEntries(records) })
  if (options.traits) await put('traits', { traits: options.traits })
  if (options.aggregates) await put('aggregates', { aggregates: options.aggregates })
  return uuid
}

/** The body of `PUT /allocations/{uuid}` of a new consumer. */
export const claimBody = (
  provider: string,
  resources: Readonly<Record<string, number>>,
  more: object = {},
) => ({
  allocations: { [provider]: { resources } },
  project_id: 'p1',
  user_id: 'u1',
  consumer_generation: null,
  consumer_type: 'INSTANCE',
  ...more,
})
