/** What projects used in a period: hours of servers, CPUs, memory and disk. */
import { type Answer, type Call, limitOf, markerOf, type Services } from '#api/kernel/index.ts'
import { type InstanceRun, listInstanceRuns } from '#db/instance-usage.ts'
import type { NovaDb } from '#db/schema.ts'
import { isoMicroseconds } from '#lib/iso-time.ts'
import type { Accepted } from '#lib/versioned/index.ts'
import { type Period, usagePeriod } from './period.ts'
import type { usageQuery, usagesQuery } from './usage.spec.ts'

type ListCall = Call<unknown, Accepted<typeof usagesQuery>, 'paged'>
type ShowCall = Call<unknown, Accepted<typeof usageQuery>, 'paged'>

const COLLECTION = 'os-simple-tenant-usage'
const HOUR_MS = 3_600_000

interface Report {
  readonly period: Period
  readonly runs: readonly InstanceRun[]
  /** The link to the next page, when this one is full. */
  readonly more: readonly unknown[] | undefined
}

async function reportOf(
  call: ListCall | ShowCall,
  { db, clock, config }: Services,
  projectId?: string,
): Promise<Report> {
  const period = usagePeriod(call.query.start?.[0], call.query.end?.[0], clock.now())
  const limit = call.on.paged ? limitOf(call.query, config.maxLimit) : config.maxLimit
  const marker = call.on.paged ? markerOf(call.query) : undefined
  const runs = await listInstanceRuns(
    db.typed<NovaDb>(),
    {
      begin: Math.floor(period.begin),
      end: Math.floor(period.end),
      ...(projectId !== undefined && { projectId }),
    },
    { limit, ...(marker !== undefined && { marker }) },
  )
  const last = runs.at(-1)
  const collection = projectId === undefined ? COLLECTION : `${COLLECTION}/${projectId}`
  const isFull = call.on.paged && last !== undefined && runs.length === limit
  return { period, runs, more: isFull ? call.links.next(collection, last.uuid) : undefined }
}

export async function list(call: ListCall, services: Services): Promise<Answer> {
  const { period, runs, more } = await reportOf(call, services)
  const isDetailed = call.query.detailed?.[0] === '1'
  const now = services.clock.now()
  const usages = [...Map.groupBy(runs, ({ projectId }) => projectId).values()].map((ofProject) =>
    usageOf(ofProject, period, isDetailed ? now : undefined),
  )
  return { body: { tenant_usages: usages, ...(more && { tenant_usages_links: more }) } }
}

export async function show(call: ShowCall, services: Services): Promise<Answer> {
  const projectId = call.params.id ?? ''
  call.enforce('os_compute_api:os-simple-tenant-usage:show', { project_id: projectId })
  const { period, runs, more } = await reportOf(call, services, projectId)
  const usage = runs.length > 0 ? usageOf(runs, period, services.clock.now()) : {}
  return { body: { tenant_usage: usage, ...(more && { tenant_usage_links: more }) } }
}

/** How long an instance ran within a period. */
const hoursOf = ({ launchedAt, terminatedAt }: InstanceRun, { begin, end }: Period): number =>
  (Math.min(end, terminatedAt ?? end) - Math.max(launchedAt, begin)) / HOUR_MS

/** The usage of one project; of each of its servers too, as of `now`, when that is given. */
function usageOf(runs: readonly InstanceRun[], period: Period, now: number | undefined) {
  const sum = (amount: (run: InstanceRun) => number) =>
    runs.reduce((total, run) => total + amount(run) * hoursOf(run, period), 0)
  return {
    tenant_id: runs[0]?.projectId,
    ...(now !== undefined && { server_usages: runs.map((run) => serverUsageOf(run, period, now)) }),
    total_local_gb_usage: sum(({ rootGb, ephemeralGb }) => rootGb + ephemeralGb),
    total_vcpus_usage: sum(({ vcpus }) => vcpus),
    total_memory_mb_usage: sum(({ memoryMb }) => memoryMb),
    total_hours: sum(() => 1),
    start: isoMicroseconds(period.begin),
    stop: isoMicroseconds(period.end),
  }
}

function serverUsageOf(run: InstanceRun, period: Period, now: number) {
  const { terminatedAt, launchedAt } = run
  return {
    instance_id: run.uuid,
    name: run.displayName,
    tenant_id: run.projectId,
    flavor: run.flavorName,
    hours: hoursOf(run, period),
    memory_mb: run.memoryMb,
    local_gb: run.rootGb + run.ephemeralGb,
    vcpus: run.vcpus,
    started_at: isoMicroseconds(launchedAt),
    ended_at: terminatedAt && isoMicroseconds(terminatedAt),
    state: terminatedAt === null ? run.vmState : 'terminated',
    uptime: Math.floor(((terminatedAt ?? now) - launchedAt) / 1000),
  }
}
