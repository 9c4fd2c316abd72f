/** Moves that leave a host for good: live migration from one that is up, evacuation from one that is down. */
import { beginOperation, getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { injectedOf, makePassword } from '#api/servers/index.ts'
import { insertMigration } from '#db/instance-migrations.ts'
import { badRequest, conflict, notFound } from '#lib/fault.ts'
import { type Accepted, isTrue } from '#lib/versioned/index.ts'
import { type Instance, type MigrationType, requireAllowed, isVolumeBacked } from '#model/instance/index.ts'
import { computeOn, isHostUp } from './hosts.ts'
import type { evacuate as evacuateSpec, migrateLive as liveSpec } from './move.spec.ts'
import { requestSpecOf } from './request-spec.ts'

type LiveBody = Accepted<NonNullable<(typeof liveSpec)['spec']['body']>>
type EvacuateBody = Accepted<NonNullable<(typeof evacuateSpec)['spec']['body']>>
type AnyCall = Call<unknown, unknown, never>

const noForce = () => badRequest("Can't force to a non-provided destination")

export async function migrateLive(
  call: Call<LiveBody, unknown, 'heedsFilters'>,
  services: Services,
): Promise<Answer> {
  const { host, force } = call.body['os-migrateLive']
  const instance = await getServer(call, services, 'os_compute_api:os-migrate-server:migrate_live')
  if (host !== null) call.enforce('os_compute_api:os-migrate-server:migrate_live:host')
  if (isTrue(force) && host === null) throw noForce()
  requireAllowed('live_migrate', instance, call)
  if (host !== null) {
    if (!(await computeOn(services, host))) throw badRequest(`Compute host ${host} could not be found.`)
    if (host === instance.host)
      throw badRequest(`Unable to migrate instance (${instance.uuid}) to current host (${host}).`)
  }
  if (instance.host === null) throw conflict(`Instance ${instance.uuid} is not ready`)
  if (!(await isHostUp(services, instance.host)))
    throw badRequest(`Compute service of ${instance.host} is unavailable at this time.`)
  const migrationUuid = services.ids.uuid()
  await beginOperation(call, services, {
    instance,
    operations: ['live_migrate'],
    action: 'live-migration',
    saga: 'live-migrate-server',
    params: {
      migrationUuid,
      spec: specAway(instance, { host, heedsFilters: call.on.heedsFilters && !isTrue(force) }),
    },
    also: recorded(call, { uuid: migrationUuid, type: 'live-migration', host }),
  })
  return {}
}

export async function evacuate(
  call: Call<EvacuateBody, unknown, 'tellsPassword' | 'staysStopped' | 'heedsFilters'>,
  services: Services,
): Promise<Answer> {
  const { host = null, force, onSharedStorage, adminPass: sent } = call.body.evacuate
  const instance = await getServer(call, services, 'os_compute_api:os-evacuate')
  if (isTrue(force) && host === null) throw noForce()
  const isShared = isTrue(onSharedStorage)
  if (isShared && sent !== undefined) throw badRequest("admin password can't be changed on existing disk")
  if (host !== null && !(await computeOn(services, host))) throw notFound(`Compute host ${host} not found.`)
  if (instance.host === host) throw badRequest("The target host can't be the same one.")
  requireAllowed('evacuate', instance, call)
  if (instance.host !== null && (await isHostUp(services, instance.host)))
    throw badRequest(`Compute service of ${instance.host} is still in use.`)
  const migrationUuid = services.ids.uuid()
  const image = isVolumeBacked(instance) ? null : await services.images.findAsService(instance.imageRef)
  if (image === undefined) throw badRequest(`Image ${instance.imageRef} could not be found.`)
  const { ids, config } = services
  const adminPass = sent ?? makePassword(ids, config.passwordLength)
  await beginOperation(call, services, {
    instance,
    operations: ['evacuate'],
    action: 'evacuate',
    saga: 'evacuate-server',
    params: {
      migrationUuid,
      spec: specAway(instance, { host, heedsFilters: call.on.heedsFilters && !isTrue(force) }),
      image,
      stopAfter: call.on.staysStopped || instance.vmState === 'stopped',
      ...(!isShared && { injected: injectedOf(adminPass) }),
    },
    also: recorded(call, { uuid: migrationUuid, type: 'evacuation', host }),
  })
  if (!call.on.tellsPassword || !config.enableInstancePassword) return {}
  return { body: { adminPass: isShared ? null : adminPass } }
}

interface There {
  readonly host: string | null
  /** The named host is asked for, not forced. */
  readonly heedsFilters: boolean
}

const specAway = (instance: Instance, { host, heedsFilters }: There) =>
  requestSpecOf(instance, {
    ignoreHosts: instance.host === null ? [] : [instance.host],
    ...(host !== null && { forceHost: host, heedsFilters, evenDisabled: !heedsFilters }),
  })

interface Move {
  readonly uuid: string
  readonly type: MigrationType
  readonly host: string | null
}

const recorded =
  ({ context }: Pick<AnyCall, 'context'>, { uuid, type, host }: Move) =>
  async (trx: Parameters<typeof insertMigration>[0], instance: Instance, now: number): Promise<void> => {
    const { uuid: instanceUuid, host: sourceCompute, node: sourceNode, flavor } = instance
    await insertMigration(
      trx,
      {
        uuid,
        instanceUuid,
        migrationType: type,
        status: 'accepted',
        sourceCompute,
        sourceNode,
        destCompute: host,
        oldFlavor: flavor,
        newFlavor: flavor,
        userId: context.userId,
        projectId: context.projectId ?? instance.projectId,
      },
      { now },
    )
  }
