/** Resize and cold migration: the server moves to another host, stopped, and stays on both until that is confirmed. */
import { beginOperation, getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { type Quota, quotaOf, unifiedNeeds } from '#api/quotas/index.ts'
import { findFlavor } from '#db/flavors.ts'
import { insertMigration, listMigrations, updateMigration } from '#db/instance-migrations.ts'
import { countInstances } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, conflict } from '#lib/fault.ts'
import type { Flavor } from '#model/flavor/index.ts'
import {
  type Instance,
  type InstanceMigration,
  requireAllowed,
  isVolumeBacked,
} from '#model/instance/index.ts'
import type { Transaction } from 'kysely'
import { computeOn, requireHostUp } from './hosts.ts'
import { requestSpecOf } from './request-spec.ts'

type AnyCall = Call<unknown, unknown, never>

export async function resize(
  call: AnyCall,
  services: Services,
  { flavorRef, diskConfig }: { readonly flavorRef: string; readonly diskConfig: string | undefined },
): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:servers:resize')
  requireAllowed('resize', instance, call)
  await requireHostUp(services, instance.host)
  const flavor = await flavorFor(call, services, { instance, flavorRef })
  const quota = await quotaOf(services, { projectId: instance.projectId, forServers: true })
  const autoDiskConfig = diskConfig === 'AUTO'
  await begin(call, services, { instance, flavor, quota, change: { autoDiskConfig }, host: null })
  return {}
}

export async function migrate(call: AnyCall, services: Services, host: string | null): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:os-migrate-server:migrate')
  if (host !== null) call.enforce('os_compute_api:os-migrate-server:migrate:host')
  requireAllowed('resize', instance, call, 'migrate')
  await requireHostUp(services, instance.host)
  if (host !== null) {
    if (host === instance.host) throw badRequest('Cannot migrate to the host where the server exists.')
    if (!(await computeOn(services, host))) throw badRequest(`Compute host ${host} could not be found.`)
  }
  await begin(call, services, { instance, flavor: null, host })
  return {}
}

interface Move {
  readonly instance: Instance
  /** Null: the same, a migration. */
  readonly flavor: Flavor | null
  readonly host: string | null
  readonly quota?: Quota
  readonly change?: { readonly autoDiskConfig: boolean }
}

async function begin(call: AnyCall, services: Services, move: Move): Promise<void> {
  const { instance, flavor, host, quota } = move
  const migrationUuid = services.ids.uuid()
  const wanted = flavor ? { ...instance, flavor } : instance
  const forced = host === null ? {} : { forceHost: host, heedsFilters: true }
  const mayStay = flavor !== null && services.config.resizesOnSameHost
  const ignoreHosts = instance.host === null || mayStay ? [] : [instance.host]
  await beginOperation(call, services, {
    instance,
    operations: ['resize'],
    action: flavor ? 'resize' : 'migrate',
    ...(!flavor && { called: 'migrate' }),
    saga: 'resize-server',
    params: { migrationUuid, spec: requestSpecOf(wanted, { ...forced, ignoreHosts }) },
    change: (current) => ({
      progress: 0,
      autoDiskConfig: move.change?.autoDiskConfig ?? false,
      systemMetadata: { ...current.systemMetadata, image_base_image_ref: current.imageRef },
    }),
    also: async (trx, current, now) => {
      if (flavor && quota) await requireRoomToGrow(trx, quota, current, flavor)
      const about = { uuid: migrationUuid, instanceUuid: current.uuid }
      const flavors = { oldFlavor: current.flavor, newFlavor: flavor ?? current.flavor }
      const from = { sourceCompute: current.host, sourceNode: current.node }
      const { userId } = call.context
      const who = { userId, projectId: call.context.projectId ?? current.projectId }
      const migrationType = flavor ? 'resize' : 'migration'
      const status = 'pre-migrating'
      await insertMigration(trx, { ...about, ...flavors, ...from, ...who, migrationType, status }, { now })
    },
  })
}

/** The flavor to be; throws in Nova's words when the server cannot have it. */
async function flavorFor(
  call: AnyCall,
  { db }: Services,
  { instance, flavorRef }: { readonly instance: Instance; readonly flavorRef: string },
): Promise<Flavor> {
  const visible = call.isAdmin ? {} : { visibleTo: instance.projectId }
  const flavor = await findFlavor(db.typed<NovaDb>(), flavorRef, visible)
  if (!flavor) throw badRequest(`Flavor ${flavorRef} could not be found.`)
  const isSame = flavor.id === instance.flavor.id
  if (flavor.rootGb === 0 && instance.flavor.rootGb !== 0 && !isVolumeBacked(instance)) {
    const reason = 'Resize to zero disk flavor is not allowed.'
    throw badRequest(`Server disk was unable to be resized because: ${reason}`)
  }
  if (!isSame && flavor.disabled) throw badRequest(`Flavor ${flavorRef} could not be found.`)
  if (isSame) throw badRequest('When resizing, instances must change flavor!')
  return flavor
}

/** Throws the 403 when what the server would have more does not fit the project's quota. */
async function requireRoomToGrow(
  trx: Transaction<NovaDb>,
  { limits, refusal, room }: Quota,
  instance: Instance,
  flavor: Flavor,
): Promise<void> {
  const { projectId, flavor: old } = instance
  // Until it is confirmed Placement counts what it takes of both hosts.
  if (room)
    return room.require(trx, unifiedNeeds(flavor, { isVolumeBacked: isVolumeBacked(instance), isNew: false }))
  const more = { cores: flavor.vcpus - old.vcpus, ram: flavor.memoryMb - old.memoryMb }
  const grows = (['cores', 'ram'] as const).filter((name) => more[name] > 0 && limits[name] >= 0)
  if (grows.length === 0) return
  const counted = await countInstances(trx, { projectId })
  const used = { cores: counted.cores, ram: counted.ramMb }
  const over = grows.filter((name) => used[name] + more[name] > limits[name])
  if (over.length === 0) return
  const list = (of: (name: 'cores' | 'ram') => string | number) => over.map(of).join(', ')
  const names = list((name) => name)
  throw refusal(
    `Quota exceeded for ${names}: Requested ${list((name) => more[name])}, but already used ${list((name) => used[name])} of ${list((name) => limits[name])} ${names}`,
    over.map((resource) => ({ resource, used: used[resource], delta: more[resource] })),
  )
}

export async function confirmResize(call: AnyCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:servers:confirm_resize')
  requireAllowed('confirm_resize', instance, call)
  const migration = await finishedMigration(services, instance)
  await requireHostUp(services, migration.sourceCompute)
  await end(call, services, { instance, migration, how: 'confirm' })
  return {}
}

export async function revertResize(call: AnyCall, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:servers:revert_resize')
  requireAllowed('revert_resize', instance, call)
  const migration = await finishedMigration(services, instance)
  await end(call, services, { instance, migration, how: 'revert' })
  return {}
}

const ENDS = {
  confirm: { operations: ['confirm_resize'], action: 'confirmResize', status: 'confirming' },
  revert: { operations: ['revert_resize'], action: 'revertResize', status: 'reverting' },
} as const

interface End {
  readonly instance: Instance
  readonly migration: InstanceMigration
  readonly how: keyof typeof ENDS
}

async function end(call: AnyCall, services: Services, { instance, migration, how }: End): Promise<void> {
  const { operations, action, status } = ENDS[how]
  const isCounted = how === 'revert' && services.config.quotaDriver !== 'keystone'
  const quota = isCounted ? await quotaOf(services, { projectId: instance.projectId }) : undefined
  await beginOperation(call, services, {
    instance,
    operations,
    action,
    saga: how === 'confirm' ? 'confirm-resize' : 'revert-resize',
    params: { migrationUuid: migration.uuid },
    also: async (trx, current, now) => {
      // What Placement counts only gets less.
      if (quota && migration.oldFlavor) await requireRoomToGrow(trx, quota, current, migration.oldFlavor)
      const changed = await updateMigration(trx, migration.uuid, { status }, { now, expect: ['finished'] })
      // Somebody else was faster.
      if (!changed) throw conflict(`Migration ${migration.uuid} is not finished any more.`)
    },
  })
}

async function finishedMigration({ db }: Services, { uuid }: Instance): Promise<InstanceMigration> {
  const filters = { instanceUuid: uuid, statuses: ['finished'] }
  const [migration] = await listMigrations(db.typed<NovaDb>(), filters, { limit: 1 })
  if (!migration) throw badRequest('Instance has not been resized.')
  return migration
}
