/** What must be true of a cloud that was left alone for a while after whatever befell it. */
import { sql } from 'kysely'
import { countInstances } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import type { Cloud } from './cloud.ts'
import { QUOTA } from './shared-api.ts'
import type { Ledger } from './story.ts'

interface Server {
  readonly uuid: string
  readonly host: string | null
  readonly vm_state: string
  readonly task_state: string | null
  readonly power_state: number
  readonly deleted: number
  readonly vcpus: number
  readonly memory_mb: number
  readonly root_gb: number
  readonly network_info: string
}

interface Operation {
  readonly id: string
  readonly saga: string
  readonly instance_uuid: string
  readonly status: string
  readonly params: string
}

/** All that the database says, read once. */
interface Facts {
  readonly servers: readonly Server[]
  readonly living: readonly Server[]
  /** Servers whose delete failed and said so: half of them may be gone, and they can be deleted again. */
  readonly halfDeleted: ReadonlySet<string>
  readonly operations: readonly Operation[]
  readonly nodes: ReadonlyMap<string, string>
  readonly faulty: ReadonlySet<string>
  readonly openActions: readonly { instance_uuid: string; action: string }[]
  readonly pendingCommands: readonly { id: string; host: string }[]
}

/** One line for each thing that is not as it must be. */
export async function problemsOf(cloud: Cloud, ledger: Ledger): Promise<string[]> {
  const facts = await readFacts(cloud)
  const problems = [
    ...unsettled(facts),
    ...guestProblems(cloud, facts),
    ...portProblems(cloud, facts),
    ...promiseProblems(facts, ledger),
    ...(await quotaProblems(cloud, facts)),
  ]
  return problems.length > 0 ? problems : allocationProblems(cloud, facts)
}

async function readFacts({ store }: Cloud): Promise<Facts> {
  const db = store.truth.typed<NovaDb>()
  const servers = await db
    .selectFrom('instances')
    .select(['uuid', 'host', 'vm_state', 'task_state', 'power_state', 'deleted'])
    .select(['vcpus', 'memory_mb', 'root_gb', 'network_info'])
    .orderBy('id')
    .execute()
  const nodes = await db.selectFrom('compute_nodes').select(['host', 'uuid']).execute()
  const faults = await db.selectFrom('instance_faults').select('instance_uuid').execute()
  const operations = await db
    .selectFrom('operations')
    .select(['id', 'saga', 'instance_uuid', 'status', 'params'])
    .orderBy('created_at')
    .execute()
  const failedDeletes = operations.filter(
    ({ saga, status }) => saga === 'delete-server' && status === 'failed',
  )
  const inError = new Set(servers.filter(({ vm_state }) => vm_state === 'error').map(({ uuid }) => uuid))
  return {
    servers,
    living: servers.filter(({ deleted }) => deleted === 0),
    halfDeleted: new Set(
      failedDeletes.map(({ instance_uuid }) => instance_uuid).filter((uuid) => inError.has(uuid)),
    ),
    operations,
    nodes: new Map(nodes.map(({ host, uuid }) => [host, uuid])),
    faulty: new Set(faults.map(({ instance_uuid }) => instance_uuid)),
    openActions: await db
      .selectFrom('instance_actions')
      .select(['instance_uuid', 'action'])
      .where('finished_at', 'is', null)
      .execute(),
    pendingCommands: await db
      .selectFrom('commands')
      .select(['id', 'host'])
      .where('status', '=', 'pending')
      .execute(),
  }
}

const SETTLED = ['active', 'stopped', 'error']

/** Operations end, and leave their server in a state that can be told to its owner. */
function unsettled({ living, operations, faulty, openActions, pendingCommands }: Facts): string[] {
  const live = operations.filter(({ status }) => status === 'live')
  return [
    ...live.map(({ id, saga, instance_uuid }) => `${saga} ${id} of ${instance_uuid} never ends`),
    ...pendingCommands.map(({ id, host }) => `command ${id} to ${host} is never answered`),
    ...(live.length > 0
      ? []
      : openActions.map(({ action, instance_uuid }) => `action ${action} of ${instance_uuid} never ends`)),
    ...living
      .filter(({ task_state }) => task_state !== null)
      .filter(({ uuid }) => !live.some(({ instance_uuid }) => instance_uuid === uuid))
      .map(({ uuid, task_state }) => `${uuid} is ${task_state} with no operation at work`),
    ...living
      .filter(({ vm_state, task_state }) => task_state === null && !SETTLED.includes(vm_state))
      .map(({ uuid, vm_state }) => `${uuid} is left ${vm_state}`),
    ...living
      .filter(({ uuid, vm_state }) => vm_state === 'error' && !faulty.has(uuid))
      .map(({ uuid }) => `${uuid} is in error and nobody says why`),
  ]
}

/** No guest without a server, no ACTIVE server without a guest, none that is SHUTOFF and runs. */
function guestProblems({ machines }: Cloud, { living }: Facts): string[] {
  const servers = new Map(living.map((server) => [server.uuid, server]))
  const strays = machines.flatMap(({ name, guests }) =>
    [...guests.keys()].flatMap((uuid) => {
      const server = servers.get(uuid)
      if (!server) return [`guest ${uuid} on ${name} has no server`]
      return server.host === name
        ? []
        : [`guest ${uuid} is on ${name}, its server on ${server.host ?? 'no host'}`]
    }),
  )
  const power = living.flatMap(({ uuid, host, vm_state }) => {
    const guest = machines.find(({ name }) => name === host)?.guests.get(uuid)
    const runs = guest?.powerState === POWER_STATES.running
    if (vm_state === 'active' && !runs)
      return [`${uuid} is active and its guest ${guest ? 'is off' : 'is not there'}`]
    return vm_state === 'stopped' && runs ? [`${uuid} is stopped and its guest runs`] : []
  })
  return [...strays, ...power]
}

/** A server that is on a host has the interfaces it asked for, bound there; others have none; an owner's port stays. */
function portProblems({ neutron }: Cloud, { living, operations, halfDeleted }: Facts): string[] {
  const asked = new Map(
    operations
      .filter(({ saga }) => saga === 'build-server')
      .map(({ instance_uuid, params }) => [
        instance_uuid,
        (JSON.parse(params) as { networks: unknown[] }).networks.length,
      ]),
  )
  const ports = neutron.ports()
  const owners = new Set(living.map(({ uuid }) => uuid))
  const orphans = ports
    .filter(({ deviceId }) => deviceId !== '' && !owners.has(deviceId))
    .map(({ id, deviceId }) => `port ${id} belongs to ${deviceId}, which is gone`)
  const idle = ports
    .filter(({ deviceId, isOwners }) => deviceId === '' && !isOwners)
    .map(({ id }) => `port ${id} belongs to nobody`)
  const whole = living.filter(({ uuid }) => !halfDeleted.has(uuid))
  const wrong = whole.flatMap(({ uuid, host, network_info }) => {
    const own = ports.filter(({ deviceId }) => deviceId === uuid)
    const expected = host === null ? 0 : (asked.get(uuid) ?? 0)
    const known = (JSON.parse(network_info) as { id: string }[]).map(({ id }) => id)
    return [
      ...(own.length === expected
        ? []
        : [`${uuid} on ${host ?? 'no host'} has ${own.length} ports and not ${expected}`]),
      ...own
        .filter(({ bindingHost }) => bindingHost !== host)
        .map(
          ({ id, bindingHost }) =>
            `port ${id} of ${uuid} is bound to ${bindingHost}, its server is on ${host}`,
        ),
      ...own
        .filter(({ id }) => !known.includes(id))
        .map(({ id }) => `port ${id} of ${uuid} is not known to it`),
    ]
  })
  return [...orphans, ...idle, ...wrong]
}

/** What callers were told is true. */
function promiseProblems({ servers, living, halfDeleted }: Facts, { created, deleted }: Ledger): string[] {
  const known = new Set(servers.map(({ uuid }) => uuid))
  return [
    ...[...created].filter((uuid) => !known.has(uuid)).map((uuid) => `${uuid} was accepted and is lost`),
    ...living
      // A delete that fails says so: the server is in error, and can be deleted again.
      .filter(({ uuid }) => deleted.has(uuid) && !halfDeleted.has(uuid))
      .map(({ uuid, vm_state }) => `${uuid} was deleted and is ${vm_state}`),
  ]
}

async function quotaProblems({ store }: Cloud, { living }: Facts): Promise<string[]> {
  const { instances, cores, ramMb } = await countInstances(store.truth.typed<NovaDb>(), {
    projectId: 'project',
  })
  const sum = (of: (server: Server) => number) => living.reduce((total, server) => total + of(server), 0)
  const counted = [instances, cores, ramMb].join(' ')
  const real = [living.length, sum(({ vcpus }) => vcpus), sum(({ memory_mb }) => memory_mb)].join(' ')
  return [
    ...(counted === real ? [] : [`quotas count ${counted} and there are ${real}`]),
    ...(instances <= QUOTA.instances && cores <= QUOTA.cores && ramMb <= QUOTA.ramMb
      ? []
      : [`${counted} is over the quota`]),
  ]
}

type Amounts = Readonly<Record<string, number>>

const textOf = (amounts: Amounts | undefined): string =>
  Object.entries(amounts ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, amount]) => `${name} ${amount}`)
    .join(', ') || 'nothing'

/** Placement holds what the living servers that are on a host take there, no more and no less, and never too much. */
async function allocationProblems(cloud: Cloud, { living, halfDeleted, nodes }: Facts): Promise<string[]> {
  const listener = cloud.placement()
  if (!listener) return ['placement is down']
  const get = async <T>(path: string): Promise<T> => {
    const headers = { 'x-auth-token': 'nova', 'openstack-api-version': 'placement 1.39' }
    const { statusCode, payload } = await listener.app.inject({ method: 'GET', url: path, headers })
    if (statusCode !== 200) throw new Error(`GET ${path} answers ${statusCode}: ${payload}`)
    return JSON.parse(payload) as T
  }
  const problems: string[] = []
  for (const [host, node] of nodes) {
    const provider = `/resource_providers/${node}`
    const { allocations } = await get<{ allocations: Record<string, { resources: Amounts }> }>(
      `${provider}/allocations`,
    )
    const { usages } = await get<{ usages: Amounts }>(`${provider}/usages`)
    const { inventories } = await get<{
      inventories: Record<string, { total: number; reserved: number; allocation_ratio: number }>
    }>(`${provider}/inventories`)
    const here = new Map(
      living.filter((server) => server.host === host).map((server) => [server.uuid, server]),
    )
    for (const [uuid, { resources }] of Object.entries(allocations))
      if (!here.has(uuid)) problems.push(`${uuid} holds ${textOf(resources)} of ${host} and is not there`)
    const sums: Record<string, number> = {}
    for (const { uuid, vcpus, memory_mb, root_gb } of here.values()) {
      const needs = { VCPU: vcpus, MEMORY_MB: memory_mb, DISK_GB: root_gb }
      const held = allocations[uuid]?.resources
      if (held === undefined && halfDeleted.has(uuid)) continue
      if (textOf(held) !== textOf(needs))
        problems.push(`${uuid} is on ${host} and holds ${textOf(held)} there, not ${textOf(needs)}`)
    }
    for (const { resources } of Object.values(allocations))
      for (const [name, amount] of Object.entries(resources)) sums[name] = (sums[name] ?? 0) + amount
    for (const [name, { total, reserved, allocation_ratio }] of Object.entries(inventories)) {
      const used = usages[name] ?? 0
      if (used !== (sums[name] ?? 0))
        problems.push(`${host} says ${used} ${name} are used, its allocations say ${sums[name] ?? 0}`)
      if (used > (total - reserved) * allocation_ratio)
        problems.push(`${host} is oversubscribed: ${used} ${name} of ${total}`)
    }
  }
  return problems
}

/** Whether something is plainly still under way, told cheaply. */
export async function isBusy({ store }: Cloud): Promise<boolean> {
  const { rows } = await sql<{ busy: number }>`select
    exists (select 1 from operations where status = 'live')
    or exists (select 1 from commands where status = 'pending')
    or exists (select 1 from instances where deleted = 0 and task_state is not null) as busy`.execute(
    store.truth.typed<NovaDb>(),
  )
  return rows[0]?.busy === 1
}

/** How many servers are active. */
export async function countActive({ store }: Cloud): Promise<number> {
  const query = store.truth.typed<NovaDb>().selectFrom('instances').select('uuid')
  return (await query.where('vm_state', '=', 'active').where('deleted', '=', 0).execute()).length
}
