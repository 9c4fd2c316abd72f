/** Quotas: how much of each thing a project may have. -1 is without limit. */
import { badRequest, Fault } from '#lib/fault.ts'
import type { Db } from './store.ts'

/** Cinder's own defaults. */
const QUOTA_DEFAULTS = {
  volumes: 10,
  per_volume_gigabytes: -1,
  snapshots: 10,
  gigabytes: 1000,
  backups: 10,
  backup_gigabytes: 1000,
  groups: 10,
} as const

/** The class whose limits hold for whoever has none; its rows stand beside the projects'. */
export const DEFAULT_CLASS = 'default'

export type Quotas = Readonly<Record<keyof typeof QUOTA_DEFAULTS, number>>

export async function quotasOf(db: Db, projectId: string): Promise<Quotas> {
  const rows = await db
    .selectFrom('cinder_quota')
    .selectAll()
    .where('project_id', 'in', [DEFAULT_CLASS, projectId])
    .execute()
  const of = (owner: string) =>
    Object.fromEntries(
      rows.filter((row) => row.project_id === owner).map((row) => [row.resource, row.hard_limit]),
    )
  return { ...QUOTA_DEFAULTS, ...of(DEFAULT_CLASS), ...of(projectId) }
}

/** What a project has of each; snapshots count towards its gigabytes. */
export async function usageOf(db: Db, projectId: string): Promise<Quotas> {
  const of = async (table: 'cinder_volume' | 'cinder_snapshot') => {
    const rows = await db.selectFrom(table).select('size').where('project_id', '=', projectId).execute()
    return { count: rows.length, gigabytes: rows.reduce((sum, row) => sum + row.size, 0) }
  }
  const volumes = await of('cinder_volume')
  const snapshots = await of('cinder_snapshot')
  return {
    volumes: volumes.count,
    snapshots: snapshots.count,
    gigabytes: volumes.gigabytes + snapshots.gigabytes,
    per_volume_gigabytes: 0,
    backups: 0,
    backup_gigabytes: 0,
    groups: 0,
  }
}

const over = (message: string) => new Fault('tooLarge', message)

/** Throws Cinder's 413 when one more of `sizeGb` is too much; `kind` undefined for a volume that only grows. */
export async function requireQuota(
  db: Db,
  projectId: string,
  kind: 'volumes' | 'snapshots' | undefined,
  sizeGb: number,
): Promise<void> {
  const [quotas, used] = [await quotasOf(db, projectId), await usageOf(db, projectId)]
  const most = quotas.per_volume_gigabytes
  if (kind === 'volumes' && most >= 0 && sizeGb > most)
    throw over(
      `VolumeSizeExceedsLimit: Requested volume size ${sizeGb}G is larger than maximum allowed limit ${most}G.`,
    )
  if (quotas.gigabytes >= 0 && used.gigabytes + sizeGb > quotas.gigabytes)
    throw over(
      `VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested ${sizeGb}G, quota is ${quotas.gigabytes}G and ${used.gigabytes}G has been consumed.`,
    )
  if (kind === undefined || quotas[kind] < 0 || used[kind] < quotas[kind]) return
  const [error, noun] =
    kind === 'volumes' ? ['VolumeLimitExceeded', 'volumes'] : ['SnapshotLimitExceeded', 'snapshots']
  throw over(`${error}: Maximum number of ${noun} allowed (${quotas[kind]}) exceeded for quota '${kind}'.`)
}

const MAX_LIMIT = 2_147_483_647
const IGNORED = new Set(['tenant_id', 'force', 'skip_validation'])

/** Stores what `sent` names. Throws 400 for an unknown resource or a value below -1. */
export async function setQuotas(
  db: Db,
  projectId: string,
  sent: Readonly<Record<string, unknown>>,
): Promise<void> {
  for (const [resource, limit] of Object.entries(sent)) {
    if (IGNORED.has(resource)) continue
    if (!Object.hasOwn(QUOTA_DEFAULTS, resource))
      throw badRequest(`Bad key(s) in quota set: ${resource.slice(0, 255)}`)
    const number = typeof limit === 'string' && /^-?\d{1,10}$/.test(limit) ? Number(limit) : limit
    if (typeof number !== 'number' || !Number.isInteger(number) || number < -1 || number > MAX_LIMIT)
      throw badRequest(`Quota limit for ${resource} must be a whole number of -1 or more.`)
    await db
      .insertInto('cinder_quota')
      .values({ project_id: projectId, resource, hard_limit: number })
      .onConflict((oc) => oc.columns(['project_id', 'resource']).doUpdateSet({ hard_limit: number }))
      .execute()
  }
}
