/** A server's live migrations that are under way: shown, given up, told to hurry. */
import { actionOf, getServer, targetOf } from '#api/instances/index.ts'
import { announceOperations, type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { insertInstanceActions, finishInstanceAction } from '#db/instance-actions.ts'
import { findInstanceMigration, listMigrations } from '#db/instance-migrations.ts'
import { cancelOperationsOf } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, notFound } from '#lib/fault.ts'
import { isoMicroseconds } from '#lib/iso-time.ts'
import { shownSince, view } from '#lib/versioned/index.ts'
import {
  type Instance,
  type InstanceMigration,
  type Operation,
  requireAllowed,
} from '#model/instance/index.ts'
import * as spec from './server-insides.spec.ts'

type AnyCall = Call<unknown, unknown, never>

const RULE = 'os_compute_api:servers:migrations'
const IN_PROGRESS: readonly string[] = ['queued', 'preparing', 'running', 'post-migrating']

interface Context {
  /** Whether the caller may know of hosts. */
  readonly showHosts: boolean
}

const ofHost =
  (pick: (migration: InstanceMigration) => string | null) =>
  (migration: InstanceMigration, { showHosts }: Context) =>
    showHosts ? pick(migration) : null
/** What moves at once has no progress. */
const unknown = () => null

const serverMigration = view<InstanceMigration, Context>({
  created_at: ({ createdAt }) => isoMicroseconds(createdAt),
  dest_compute: ofHost(({ destCompute }) => destCompute),
  dest_host: ofHost(({ destHost }) => destHost),
  dest_node: ofHost(({ destNode }) => destNode),
  disk_processed_bytes: unknown,
  disk_remaining_bytes: unknown,
  disk_total_bytes: unknown,
  id: ({ id }) => id,
  memory_processed_bytes: unknown,
  memory_remaining_bytes: unknown,
  memory_total_bytes: unknown,
  server_uuid: ({ instanceUuid }) => instanceUuid,
  source_compute: ofHost(({ sourceCompute }) => sourceCompute),
  source_node: ofHost(({ sourceNode }) => sourceNode),
  status: ({ status }) => status,
  updated_at: ({ createdAt, updatedAt }) => isoMicroseconds(updatedAt ?? createdAt),
  uuid: shownSince('2.59', ({ uuid }) => uuid),
  user_id: shownSince('2.80', ({ userId }) => userId),
  project_id: shownSince('2.80', ({ projectId }) => projectId),
})

const contextOf = (call: AnyCall, instance: Instance): Context => ({
  showHosts: call.may(`${RULE}:index:host`, targetOf(instance)),
})

/** The migration of the path, if it is this server's. */
async function find(call: AnyCall, { db }: Services, { uuid }: Instance) {
  const id = call.params['id'] ?? ''
  const number = /^\d{1,15}$/.test(id) ? Number(id) : undefined
  const found =
    number === undefined ? undefined : await findInstanceMigration(db.typed<NovaDb>(), uuid, number)
  return { id, found }
}

async function show(call: AnyCall, services: Services): Promise<InstanceMigration> {
  const instance = await getServer(call, services, `${RULE}:show`)
  const { id, found } = await find(call, services, instance)
  const { uuid } = instance
  if (!found) throw notFound(`In-progress live migration ${id} is not found for server ${uuid}.`)
  if (found.migrationType !== 'live-migration')
    throw notFound(`Migration ${id} for server ${uuid} is not live-migration.`)
  if (!IN_PROGRESS.includes(found.status))
    throw notFound(`Live migration ${id} for server ${uuid} is not in progress.`)
  return found
}

interface Intervention {
  readonly rule: string
  readonly operation: Operation
  readonly action: string
  /** What Nova calls it where it cannot be done. */
  readonly method: string
  readonly while: readonly string[]
  readonly missing: (message: string) => Error
}

/** Checks that the migration may be asked that now, and records that it was. */
async function intervene(call: AnyCall, services: Services, asked: Intervention): Promise<Instance> {
  const instance = await getServer(call, services, `${RULE}:${asked.rule}`)
  requireAllowed(asked.operation, instance, call)
  const { id, found } = await find(call, services, instance)
  if (!found) throw asked.missing(`Migration ${id} not found for instance ${instance.uuid}`)
  if (!asked.while.includes(found.status)) {
    const state = `Migration ${id} state of instance ${instance.uuid} is ${found.status}.`
    throw badRequest(`${state} Cannot ${asked.method} while the migration is in this state.`)
  }
  const now = services.clock.now()
  await services.db.transaction<NovaDb, void>(async (trx) => {
    await insertInstanceActions(trx, [actionOf(call, instance, asked.action)], { now })
    const key = { instanceUuid: instance.uuid, requestId: call.context.requestId }
    await finishInstanceAction(trx, key, { now })
  })
  return instance
}

async function abort(call: AnyCall, services: Services, whileQueued: boolean): Promise<void> {
  const instance = await intervene(call, services, {
    rule: 'delete',
    operation: 'live_migrate_abort',
    action: 'live_migration_cancel',
    method: 'abort live migration',
    while: whileQueued ? ['running', 'queued', 'preparing'] : ['running'],
    missing: notFound,
  })
  const cancelled = await cancelOperationsOf(services.db.typed<NovaDb>(), instance.uuid, {
    now: services.clock.now(),
    except: ['delete-server'],
  })
  await announceOperations(services, cancelled, call.context.requestId)
}

export const serverMigrationRoutes = (services: Services): readonly Route[] => [
  serve(spec.listServerMigrations, async (call) => {
    const instance = await getServer(call, services, `${RULE}:index`)
    const filters = { instanceUuid: instance.uuid, types: ['live-migration'], statuses: IN_PROGRESS }
    const found = await listMigrations(services.db.typed<NovaDb>(), filters)
    const render = call.render(serverMigration)
    const context = contextOf(call, instance)
    return { body: { migrations: found.map((migration) => render(migration, context)) } }
  }),
  serve(spec.showServerMigration, async (call) => {
    const migration = await show(call, services)
    return { body: { migration: call.render(serverMigration)(migration, { showHosts: true }) } }
  }),
  serve(spec.abortServerMigration, async (call) => {
    await abort(call, services, call.on.whileQueued)
    return {}
  }),
  // It moves as fast as it can, told or not.
  serve(spec.forceServerMigration, async (call) => {
    await intervene(call, services, {
      rule: 'force_complete',
      operation: 'live_migrate_force_complete',
      action: 'live_migration_force_complete',
      method: 'force complete',
      while: ['running'],
      missing: badRequest,
    })
    return {}
  }),
]
