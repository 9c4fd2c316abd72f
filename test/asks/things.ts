/**
 * An API with something of everything in it: what tests that ask every route ask about. Paths and bodies name things
 * by words in braces, `{{server}}`, which stand for what is there when a request is sent.
 */
import type { TestContext } from 'node:test'
import type { Handlers } from '#bus/port.ts'
import { computeContract, computeTopic } from '#contracts/compute.ts'
import { CONDUCTOR_TOPIC } from '#contracts/conductor.ts'
import { removeInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { reportService } from '#db/services.ts'
import { conflict, notFound } from '#lib/fault.ts'
import { type OwnServices, PROJECT, type TestApi } from '../functional/api/compute-api.ts'
import { activate, startCloud } from '../functional/api/servers-there.ts'

export interface Ground {
  readonly api: TestApi
  /** What `{{server}}` is now. */
  readonly things: Readonly<Things>
  /** A text with the words in braces as they are now. */
  filled(text: string): string
  /** Makes again what requests took away, and a new `{{server}}`. */
  replenish(): Promise<void>
}

const SERVICE = { binary: 'nova-compute', host: 'h1', topic: 'compute', version: 66 }
const SERVICE_ID = '12345678-0000-4000-8000-000000000001'
const PUBLIC_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC0AAAcKFma3nz9qDGzc6WZJlicGDnLZI6GMbkZmod3D test'
/** Enough for everything, whatever was made of it. */
const QUOTA = {
  instances: 20,
  cores: 50,
  ram: 50_000,
  key_pairs: 100,
  server_groups: 10,
  metadata_items: 128,
}
/** Servers that are there at any time. */
const SERVERS = 4

const ANSWERS: Readonly<Record<string, unknown>> = {
  run: null,
  consoleOutput: { outputBase64: '' },
  console: { unixPath: '/run/fuzz.vnc' },
  diagnostics: { driver: 'fuzz', diagnostics: null },
}

/** A compute that answers questions and does nothing; what it does not know it refuses. */
const compute: Handlers = Object.fromEntries(
  Object.keys(computeContract).map((method) => [
    method,
    async () => {
      if (Object.hasOwn(ANSWERS, method)) return ANSWERS[method]
      throw conflict(`${method} is not known here`)
    },
  ]),
)

const EMPTY_LISTS = ['images', 'networks', 'subnets', 'ports', 'floatingips', 'security_groups', 'volumes']

/** Neighbours that have nothing, and refuse to make any. */
const passThrough: NonNullable<OwnServices['passThrough']> = {
  async ask({ method, path }) {
    if (method !== 'GET') throw conflict('nothing can be changed here')
    if (/^[\w-]+\/[^/?]/.test(path)) throw notFound('there is no such thing here')
    return Object.fromEntries(EMPTY_LISTS.map((name) => [name, []]))
  },
}

/** Things by name, as they are now. */
type Things = Record<string, string>

export async function startGround(t: Pick<TestContext, 'after'>, own?: OwnServices): Promise<Ground> {
  const api = await startCloud(t, { passThrough, ...own })
  await api.bus.serve(computeTopic('h1'), compute)
  await api.bus.serve(CONDUCTOR_TOPIC, {
    validateConsoleToken: async () => ({ verdict: 'unknown' }),
    operationReady: async () => null,
  })
  const things: Things = {
    project: PROJECT,
    service: SERVICE_ID,
    keypair: 'k',
    flavor: '42',
    hypervisor: '1',
  }
  return {
    api,
    things,
    filled: (text) => text.replaceAll(/\{\{(\w+)\}\}/g, (_whole, name: string) => things[name] ?? name),
    replenish: () => replenish(api, things),
  }
}

/** One of the servers becomes `{{server}}`; the others are there for lists. */
async function replenish(api: TestApi & { make(server?: object): Promise<string> }, things: Things) {
  const listed = await api.send('GET /servers?all_tenants=1&limit=20', { as: 'admin', at: '2.104' })
  const ids = ((listed.body['servers'] ?? []) as { id: string }[]).map(({ id }) => id)
  // Quotas of the project are small, and nothing here ever finishes: the oldest make room.
  const db = api.db.typed<NovaDb>()
  await reportService(db, { ...SERVICE, uuid: SERVICE_ID }, { now: Date.now() })
  for (const id of ids.slice(SERVERS)) await removeInstance(db, id, { now: Date.now() })
  await api.send(`DELETE /os-quota-sets/${PROJECT}`, { as: 'admin' })
  await api.send('PUT /os-quota-class-sets/default', { as: 'admin', body: { quota_class_set: QUOTA } })
  await api.send('POST /flavors', {
    as: 'admin',
    body: { flavor: { name: 'm1.nano', id: '42', ram: 128, vcpus: 1, disk: 1 } },
  })
  const server = await api.make({ name: 'n', metadata: { k: 'v' }, tags: ['t'] }).catch(() => undefined)
  if (server !== undefined) {
    await activate(api, server)
    things['server'] = server
    const actions = await api.send(`GET /servers/${server}/os-instance-actions`, { as: 'admin' })
    const [action] = (actions.body['instanceActions'] ?? []) as { request_id: string }[]
    things['request'] = action?.request_id ?? 'req'
  }
  await api.send('POST /os-keypairs', { body: { keypair: { name: 'k', public_key: PUBLIC_KEY } } })
  const groups = await api.send('GET /os-server-groups')
  for (const { id } of (groups.body['server_groups'] ?? []) as { id: string }[])
    await api.send(`DELETE /os-server-groups/${id}`)
  const group = await api.send('POST /os-server-groups', {
    body: { server_group: { name: 'g', policies: ['affinity'] } },
  })
  things['group'] = (group.body['server_group'] as { id: string } | undefined)?.id ?? 'g'
  const name = `a${Date.now()}`
  const aggregate = await api.send('POST /os-aggregates', { as: 'admin', body: { aggregate: { name } } })
  things['aggregate'] = String((aggregate.body['aggregate'] as { id: number } | undefined)?.id ?? 1)
}
