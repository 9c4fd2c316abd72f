/** Compute nodes: the hypervisors, and what each has and uses, as their computes last said. */
import { type Kysely, sql, type Transaction } from 'kysely'
import { badRequest, notFound } from '#lib/fault.ts'
import type { ComputeNode } from '#model/host/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

export interface ComputeNodeFilters {
  readonly host?: string
  /** Part of a hypervisor's hostname. */
  readonly hostnameContains?: string
  readonly uuids?: readonly string[]
}

/** A page of nodes by their number; `marker` is the uuid (or, as before 2.53, the number) of the last one before. */
export async function listComputeNodes(
  db: Db,
  filters: ComputeNodeFilters = {},
  page: { readonly marker?: string | number; readonly limit?: number } = {},
): Promise<ComputeNode[]> {
  let query = db.selectFrom('compute_nodes').selectAll().orderBy('id')
  if (filters.host !== undefined) query = query.where('host', '=', filters.host)
  if (filters.uuids !== undefined) {
    const { uuids } = filters
    query = query.where((eb) => (uuids.length > 0 ? eb('uuid', 'in', uuids) : eb.lit(false)))
  }
  if (filters.hostnameContains !== undefined) {
    const pattern = `%${filters.hostnameContains.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`
    query = query.where(sql<boolean>`lower(hypervisor_hostname) like ${pattern} escape '\\'`)
  }
  if (page.marker !== undefined) {
    const last = await findComputeNode(db, page.marker)
    if (!last) throw badRequest(`marker [${page.marker}] not found`)
    query = query.where('id', '>', last.id)
  }
  if (page.limit !== undefined) query = query.limit(page.limit)
  return (await query.execute()).map(nodeOf)
}

/** A node by its uuid, or (as before 2.53) by its number. */
export async function findComputeNode(db: Db, id: string | number): Promise<ComputeNode | undefined> {
  const query = db.selectFrom('compute_nodes').selectAll()
  const row = await (typeof id === 'number'
    ? query.where('id', '=', id)
    : query.where('uuid', '=', id)
  ).executeTakeFirst()
  return row && nodeOf(row)
}

/** As `findComputeNode`; throws notFound in Nova's words. */
export async function getComputeNode(db: Db, id: string | number): Promise<ComputeNode> {
  const node = await findComputeNode(db, id)
  if (!node) throw notFound(`Hypervisor with ID '${id}' could not be found.`)
  return node
}

type Row = Awaited<ReturnType<typeof rowsOf>>[number]
const rowsOf = (db: Db) => db.selectFrom('compute_nodes').selectAll().execute()

const nodeOf = (row: Row): ComputeNode => ({
  id: row.id,
  uuid: row.uuid,
  host: row.host,
  hypervisorHostname: row.hypervisor_hostname,
  hypervisorType: row.hypervisor_type,
  hypervisorVersion: row.hypervisor_version,
  hostIp: row.host_ip,
  vcpus: row.vcpus,
  vcpusUsed: row.vcpus_used,
  memoryMb: row.memory_mb,
  memoryMbUsed: row.memory_mb_used,
  localGb: row.local_gb,
  localGbUsed: row.local_gb_used,
  diskAvailableLeast: row.disk_available_least,
  runningVms: row.running_vms,
  failedBuilds: row.failed_builds,
  cpuInfo: JSON.parse(row.cpu_info) as ComputeNode['cpuInfo'],
  supportedInstances: JSON.parse(row.supported_instances) as ComputeNode['supportedInstances'],
  uptimeSeconds: row.uptime_seconds,
  cpuAllocationRatio: row.cpu_allocation_ratio,
  ramAllocationRatio: row.ram_allocation_ratio,
  diskAllocationRatio: row.disk_allocation_ratio,
  traits: JSON.parse(row.traits) as string[],
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

/**
 * Records what a compute says of one of its nodes. A node that is known by its host and hostname keeps
 * its uuid, whatever the report says: the answer's uuid is the one that counts.
 */
export async function reportComputeNode(
  db: Db,
  report: Omit<ComputeNode, 'id' | 'createdAt' | 'updatedAt'>,
  options: { readonly now: number },
): Promise<ComputeNode> {
  const has = {
    hypervisor_type: report.hypervisorType,
    hypervisor_version: report.hypervisorVersion,
    host_ip: report.hostIp,
    vcpus: report.vcpus,
    vcpus_used: report.vcpusUsed,
    memory_mb: report.memoryMb,
    memory_mb_used: report.memoryMbUsed,
    local_gb: report.localGb,
    local_gb_used: report.localGbUsed,
    disk_available_least: report.diskAvailableLeast,
    running_vms: report.runningVms,
    failed_builds: report.failedBuilds ?? 0,
    cpu_info: JSON.stringify(report.cpuInfo),
    supported_instances: JSON.stringify(report.supportedInstances),
    uptime_seconds: report.uptimeSeconds,
    cpu_allocation_ratio: report.cpuAllocationRatio,
    ram_allocation_ratio: report.ramAllocationRatio,
    disk_allocation_ratio: report.diskAllocationRatio,
    traits: JSON.stringify(report.traits),
  }
  const { uuid, host, hypervisorHostname: hypervisor_hostname } = report
  const row = await db
    .insertInto('compute_nodes')
    .values({ uuid, host, hypervisor_hostname, ...has, created_at: options.now, updated_at: null })
    .onConflict((oc) =>
      oc.columns(['host', 'hypervisor_hostname']).doUpdateSet({ ...has, updated_at: options.now }),
    )
    .returningAll()
    .executeTakeFirstOrThrow()
  return nodeOf(row)
}

/** Forgets a host's nodes, all or the named ones; answers the uuids of those it forgot. */
export async function removeComputeNodes(db: Db, host: string, uuids?: readonly string[]): Promise<string[]> {
  if (uuids?.length === 0) return []
  const query = db.deleteFrom('compute_nodes').where('host', '=', host)
  const rows = await (uuids ? query.where('uuid', 'in', uuids) : query).returning('uuid').execute()
  return rows.map(({ uuid }) => uuid)
}
