/** Who used what and when: the instances that ran in a period, for usage reports. */
import { type Kysely, sql, type Transaction } from 'kysely'
import { keysetAfter, keysetOrder, type SortColumn } from '#db/kit/index.ts'
import { badRequest } from '#lib/fault.ts'
import type { Flavor } from '#model/flavor/index.ts'
import { BOOTS_FROM_VOLUME } from '#model/instance/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

/** What a usage report tells of an instance, living or deleted. */
export interface InstanceRun {
  readonly uuid: string
  readonly projectId: string
  readonly displayName: string
  readonly vmState: string
  readonly flavorName: string
  readonly vcpus: number
  readonly memoryMb: number
  readonly rootGb: number
  readonly ephemeralGb: number
  readonly launchedAt: number
  readonly terminatedAt: number | null
}

const SORT: readonly SortColumn[] = [
  { column: 'project_id', direction: 'asc' },
  { column: 'uuid', direction: 'asc' },
]

/**
 * Instances launched before the period's end and not terminated by its begin (milliseconds), by project and
 * uuid; `marker` is the uuid of the last one of the page before. Throws badRequest when there is no marker.
 */
export async function listInstanceRuns(
  db: Db,
  period: { readonly begin: number; readonly end: number; readonly projectId?: string },
  page: { readonly limit: number; readonly marker?: string },
): Promise<InstanceRun[]> {
  let query = db
    .selectFrom('instances')
    .select(['uuid', 'project_id', 'display_name', 'vm_state', 'flavor', 'vcpus', 'memory_mb'])
    .select(['root_gb', 'ephemeral_gb', 'launched_at', 'terminated_at'])
    .where('launched_at', '<', period.end)
    .where((eb) => eb.or([eb('terminated_at', 'is', null), eb('terminated_at', '>', period.begin)]))
  if (period.projectId !== undefined) query = query.where('project_id', '=', period.projectId)
  if (page.marker !== undefined)
    query = query.where(keysetAfter(SORT, [await projectOf(db, page.marker), page.marker]))
  for (const order of keysetOrder(SORT)) query = query.orderBy(order)
  const rows = await query.limit(page.limit).execute()
  return rows.map((row) => ({
    uuid: row.uuid,
    projectId: row.project_id,
    displayName: row.display_name,
    vmState: row.vm_state,
    flavorName: (JSON.parse(row.flavor) as Flavor).name,
    vcpus: row.vcpus,
    memoryMb: row.memory_mb,
    rootGb: row.root_gb,
    ephemeralGb: row.ephemeral_gb,
    launchedAt: row.launched_at ?? period.end,
    terminatedAt: row.terminated_at,
  }))
}

async function projectOf(db: Db, marker: string): Promise<string> {
  const query = db.selectFrom('instances').select('project_id').where('uuid', '=', marker)
  const row = await query.executeTakeFirst()
  if (!row) throw badRequest(`Marker ${marker} could not be found.`)
  return row.project_id
}

/** Instances alike in what they will take of a host. */
export interface Unplaced {
  readonly flavor: Flavor
  readonly isVolumeBacked: boolean
  readonly count: number
}

/** What a project was promised and has no host yet. */
export async function listUnplaced(db: Db, projectId: string): Promise<Unplaced[]> {
  const isVolumeBacked = sql<number>`case when image_ref = ''
    or system_metadata like ${`%"${BOOTS_FROM_VOLUME}"%`} then 1 else 0 end`
  const rows = await db
    .selectFrom('instances')
    .select(({ fn }) => ['flavor', isVolumeBacked.as('backed'), fn.countAll<number>().as('count')])
    .where('project_id', '=', projectId)
    .where(({ eb, lit }) => eb('deleted', '=', lit(0)))
    .where('vm_state', '=', 'building')
    .where('host', 'is', null)
    .groupBy(['flavor', 'backed'])
    .execute()
  return rows.map(({ flavor, backed, count }) => ({
    flavor: JSON.parse(flavor) as Flavor,
    isVolumeBacked: backed === 1,
    count,
  }))
}
