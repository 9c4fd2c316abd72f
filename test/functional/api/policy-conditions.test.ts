/**
 * Rules that decide no route but part of one: what may be asked for beside, what is shown beside. Each is asked by
 * everybody whom the route itself lets pass, and again by an admin when an operator gives the rule to nobody.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { apiRoutes } from '#api/index.ts'
import { finishActionEvent, startActionEvent } from '#db/instance-actions.ts'
import { insertMigration } from '#db/instance-migrations.ts'
import { updateInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { reportService } from '#db/services.ts'
import { createPolicy, computeRules, type Policy } from '#policy/index.ts'
import { RULES_OF_ROUTES } from '../../asks/rules-of-routes.ts'
import { type Ground, startGround } from '../../asks/things.ts'
import { keyOf } from '../../parity/facts.ts'
import { IMAGE_ID, NETWORK_ID, OTHER_PROJECT, PROJECT, type Response, testServices } from './compute-api.ts'

const CALLERS = ['admin', 'manager', 'demo', 'reader'] as const
type Caller = (typeof CALLERS)[number]

const ADMIN: readonly Caller[] = ['admin']
const MEMBERS: readonly Caller[] = ['admin', 'manager', 'demo']
const ALL: readonly Caller[] = CALLERS
/** Whom a check's text lets pass. */
const ALLOWED: Readonly<Record<string, readonly Caller[]>> = {
  '!': [],
  'rule:context_is_admin': ADMIN,
  'rule:service_or_admin': ADMIN,
  'rule:project_manager_or_admin': ['admin', 'manager'],
  'rule:project_member_or_admin': MEMBERS,
  'rule:project_reader_or_admin': ALL,
}

interface Condition {
  readonly route: string
  /** With words in braces; the route's own path when left out. */
  readonly path?: string | ((as: Caller) => string)
  readonly at: string
  readonly body?: object
  /** Who is asked: those whom the route lets pass. */
  readonly asked: readonly Caller[]
  /** Whether the answer has what the rule is about; without, the rule refuses with 403. */
  shows?(answer: Response['body']): boolean
  /** Other rules that would hide this one. */
  readonly without?: readonly string[]
  before?(ground: Ground): Promise<void>
  /** An admin may in any case. */
  readonly adminAnyway?: true
}

const NAME = 'os_compute_api:'
const server = (answer: Response['body']) => answer['server'] as Record<string, unknown>
const newServer = (more: object) => ({
  server: { name: 's', imageRef: IMAGE_ID, flavorRef: '42', networks: 'none', ...more },
})
const create = (at: string, more: object): Condition => ({
  route: 'POST /servers',
  at,
  body: newServer(more),
  asked: MEMBERS,
})
const showServer = (at: string, shows: (shown: Record<string, unknown>) => boolean): Condition => ({
  route: 'GET /servers/{}',
  path: '/servers/{{server}}',
  at,
  asked: ALL,
  shows: (answer) => shows(server(answer)),
})
const action = (at: string, body: object, more: Partial<Condition> = {}): Condition => ({
  route: `POST /servers/{}/action#${Object.keys(body)[0]}`,
  path: '/servers/{{server}}/action',
  at,
  body,
  asked: MEMBERS,
  ...more,
})
const list = (route: string, query: string, at = '2.104'): Condition => ({
  route,
  path: `${route.split(' ')[1]}?${query}`,
  at,
  asked: ALL,
})
const disk = {
  boot_index: 0,
  source_type: 'image',
  destination_type: 'volume',
  uuid: IMAGE_ID,
  volume_size: 1,
}

/** An event of the last request, that failed. */
async function fail({ api, things }: Ground): Promise<void> {
  const db = api.db.typed<NovaDb>()
  const key = { instanceUuid: things['server'] ?? '', requestId: things['request'] ?? '' }
  await startActionEvent(db, key, { event: 'compute_build', host: 'h1' }, { now: 1 })
  const failure = { result: 'Error', traceback: 'Traceback', details: 'why' } as const
  await finishActionEvent(db, key, { event: 'compute_build', ...failure }, { now: 2 })
}

const eventsOf = (answer: Response['body']) =>
  (answer['instanceAction'] as { events?: Record<string, unknown>[] }).events ?? []
const showAction = (at: string, shows: (event: Record<string, unknown>) => boolean): Condition => ({
  route: 'GET /servers/{}/os-instance-actions/{}',
  path: '/servers/{{server}}/os-instance-actions/{{request}}',
  at,
  asked: ALL,
  shows: (answer) => eventsOf(answer).some(shows),
  before: fail,
})

const EXTERNAL_ID = 'cccccccc-0000-4000-8000-000000000009'
/** Of the token `admin` of the test's API. */
const ADMIN_PROJECT = 'cccccccccccccccccccccccccccccccc'

/** The server moves while it runs. */
async function move({ api, things }: Ground): Promise<void> {
  const instanceUuid = things['server'] ?? ''
  const between = { sourceCompute: 'h1', destCompute: 'h2', userId: 'u', projectId: PROJECT }
  const kind = { migrationType: 'live-migration', status: 'running' } as const
  const wish = { uuid: randomUUID(), instanceUuid, ...between, ...kind }
  await insertMigration(api.db.typed<NovaDb>(), wish, { now: 1 })
}

const tellsHosts = (answer: Response['body']): boolean =>
  (answer['migrations'] as Record<string, unknown>[]).some((each) => each['source_compute'] === 'h1')

/** By rule, whose name begins with `os_compute_api:` where there is no such rule otherwise. */
const CONDITIONS: Readonly<Record<string, Condition>> = {
  'servers:index:get_all_tenants': list('GET /servers', 'all_tenants=1'),
  'servers:detail:get_all_tenants': list('GET /servers/detail', 'all_tenants=1'),
  // A filter that is an admin's is passed over for others.
  'servers:allow_all_filters': {
    ...list('GET /servers', '', '2.1'),
    path: (as) => `/servers?host=nowhere${as === 'admin' ? '&all_tenants=1' : ''}`,
    shows: (answer) => (answer['servers'] as unknown[]).length === 0,
  },
  'servers:show:flavor-extra-specs': showServer(
    '2.47',
    (shown) =>
      (shown['flavor'] as object | undefined) !== undefined && 'extra_specs' in (shown['flavor'] as object),
  ),
  'servers:show:host_status': showServer('2.16', (shown) => 'host_status' in shown),
  'servers:show:host_status:unknown-only': {
    ...showServer('2.16', (shown) => shown['host_status'] === 'UNKNOWN'),
    without: ['servers:show:host_status'],
    before: async ({ api }) => {
      const silent = { binary: 'nova-compute', host: 'h1', topic: 'compute', version: 66 }
      const uuid = '12345678-0000-4000-8000-000000000001'
      await reportService(api.db.typed<NovaDb>(), { ...silent, uuid }, { now: 1 })
    },
  },
  'os-extended-server-attributes': showServer('2.1', (shown) => 'OS-EXT-SRV-ATTR:host' in shown),
  'servers:create:forced_host': create('2.104', { availability_zone: 'nova:h1' }),
  'compute:servers:create:requested_destination': create('2.104', { host: 'h1' }),
  'servers:create:attach_volume': create('2.104', { block_device_mapping_v2: [disk] }),
  'servers:create:attach_network': create('2.104', { networks: [{ uuid: NETWORK_ID }] }),
  'servers:create:trusted_certs': create('2.104', {
    trusted_image_certificates: ['0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8'],
  }),
  'servers:create:zero_disk_flavor': {
    ...create('2.104', { flavorRef: 'zero' }),
    before: async ({ api }) => {
      const flavor = { name: 'zero', id: 'zero', ram: 1, vcpus: 1, disk: 0 }
      await api.send('POST /flavors', { as: 'admin', body: { flavor } })
    },
  },
  'servers:rebuild:trusted_certs': action('2.104', {
    rebuild: { imageRef: IMAGE_ID, trusted_image_certificates: ['0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8'] },
  }),
  'os-lock-server:unlock:unlock_override': action(
    '2.1',
    { unlock: null },
    {
      adminAnyway: true,
      before: async ({ api, things }) => {
        await api.send(`POST /servers/${things['server']}/action`, { as: 'admin', body: { lock: null } })
      },
    },
  ),
  'os-migrate-server:migrate:host': action(
    '2.56',
    { migrate: { host: 'h1' } },
    { asked: ['admin', 'manager'] },
  ),
  'os-migrate-server:migrate_live:host': action(
    '2.34',
    { 'os-migrateLive': { host: 'h2', block_migration: 'auto' } },
    { asked: ['admin', 'manager'] },
  ),
  'os-shelve:unshelve_to_host': action('2.91', { unshelve: { host: 'h2' } }),
  'os-instance-actions:events': showAction('2.51', (event) => 'traceback' in event),
  'os-instance-actions:events:details': showAction('2.84', (event) => event['details'] != null),
  // Others get their own.
  'os-server-groups:index:all_projects': {
    ...list('GET /os-server-groups', 'all_projects=1'),
    asked: ADMIN,
  },
  'os-migrations:index:all_projects': {
    ...list('GET /os-migrations', `project_id=${OTHER_PROJECT}`),
    asked: ['admin', 'manager'],
  },
  'os-migrations:index:host': {
    ...list('GET /os-migrations', '', '2.59'),
    asked: ['admin', 'manager'],
    shows: tellsHosts,
    before: move,
  },
  'servers:migrations:index:host': {
    route: 'GET /servers/{}/migrations',
    path: '/servers/{{server}}/migrations',
    at: '2.59',
    asked: ['admin', 'manager'],
    shows: tellsHosts,
    before: move,
  },
  'servers:create_image:allow_volume_backed': action(
    '2.1',
    { createImage: { name: 'i' } },
    {
      before: async ({ api, things }) => {
        const uuid = things['server'] ?? ''
        await updateInstance(api.db.typed<NovaDb>(), uuid, { imageRef: '' }, { now: 1 })
      },
    },
  ),
  // The rule is asked before the volume is looked for.
  'os-volumes-attachments:swap': {
    route: 'PUT /servers/{}/os-volume_attachments/{}',
    path: `/servers/{{server}}/os-volume_attachments/${IMAGE_ID}`,
    at: '2.1',
    body: { volumeAttachment: { volumeId: NETWORK_ID } },
    asked: MEMBERS,
  },
  'network:attach_external_network': {
    ...create('2.37', { networks: [{ uuid: EXTERNAL_ID }] }),
    before: async ({ api: { there } }) => {
      const [some] = there.networks
      // Of each one's own project, as Neutron would show it to both.
      for (const projectId of [PROJECT, ADMIN_PROJECT])
        if (some) there.networks.push({ ...some, id: EXTERNAL_ID, external: true, shared: false, projectId })
    },
  },
  'limits:other_project': list('GET /limits', `tenant_id=${OTHER_PROJECT}`),
}

/** What there is nothing of here for. */
const NOTHING_OF: readonly string[] = [
  'compute:servers:resize:cross_cell', // there are no cells
  'compute:server:topology:host:index', // no guest has nodes of its host
]

const names = new Set(computeRules.map(({ name }) => name))
const wholeName = (rule: string): string => (names.has(rule) ? rule : NAME + rule)

test('every rule decides a route, or part of one', () => {
  const known = [
    ...Object.values(RULES_OF_ROUTES).filter((rule) => rule !== null),
    ...Object.keys(CONDITIONS),
  ]
  const decided = new Set([...known.map(wholeName), ...NOTHING_OF])
  const left = computeRules.filter(({ name, scopeTypes }) => scopeTypes !== null && !decided.has(name))
  assert.deepEqual(
    left.map(({ name }) => name),
    [],
  )
  assert.deepEqual(
    [...decided].filter((name) => !names.has(name)),
    [],
  )
})

/** Whether the rule let the caller pass. */
async function passes(ground: Ground, condition: Condition, as: Caller): Promise<boolean> {
  await ground.replenish()
  await condition.before?.(ground)
  const { route, path, at, body, shows } = condition
  const [method, own = ''] = route.split('#')[0]?.split(' ') ?? []
  const answer = await ground.api.send(
    `${method} ${ground.filled(typeof path === 'function' ? path(as) : (path ?? own))}`,
    {
      as,
      at,
      ...(body && { body: ground.filled(JSON.stringify(body)) }),
    },
  )
  const asked = `${route} by ${as}: ${answer.status} ${answer.text.slice(0, 300)}`
  assert.ok(answer.status < 500 || answer.status === 501, asked)
  assert.notEqual(answer.status, 401, asked)
  if (!shows) return answer.status !== 403
  assert.equal(answer.status, 200, asked)
  return shows(answer.body)
}

test('each condition holds for those whom its rule names, and for nobody when nobody is named', async (t) => {
  let current: Policy = createPolicy({ enforceScope: true })
  const policy: Policy = {
    allows: (...args) => current.allows(...args),
    enforce: (...args) => current.enforce(...args),
    isAdmin: (context) => current.isAdmin(context),
  }
  const ground = await startGround(t, { policy })
  const routes = new Set(apiRoutes(testServices()).map(({ operation }) => keyOf(operation)))
  const complaints: string[] = []
  for (const [rule, condition] of Object.entries(CONDITIONS)) {
    if (!routes.has(condition.route)) continue
    const name = wholeName(rule)
    const check = computeRules.find((each) => each.name === name)?.check ?? ''
    const never = Object.fromEntries((condition.without ?? []).map((other) => [wholeName(other), '!']))
    for (const caller of condition.asked) {
      current = createPolicy({ enforceScope: true, overrides: never })
      const wanted = ALLOWED[check]?.includes(caller)
      const passed = await passes(ground, condition, caller)
      if (passed !== wanted) complaints.push(`${name} for ${caller}: ${passed}`)
    }
    if (condition.adminAnyway) continue
    current = createPolicy({ enforceScope: true, overrides: { ...never, [name]: '!' } })
    if (await passes(ground, condition, 'admin')) complaints.push(`${name}: an admin passes where nobody may`)
  }
  assert.deepEqual(complaints, [])
})
