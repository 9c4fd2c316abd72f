/**
 * Which computes have audited the usage of their instances in a period. No compute here does: usage is told
 * by `/os-simple-tenant-usage` out of the database. So the log is that of hosts that have not run one yet.
 */
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import type { NovaDb } from '#db/schema.ts'
import { listServices } from '#db/services.ts'
import { auditTime, lastAuditPeriod } from './period.ts'

type AnyCall = Call<unknown, unknown, never>

export const list = async (_call: AnyCall, services: Services): Promise<Answer> => ({
  body: { instance_usage_audit_logs: await logOf(services, services.clock.now()) },
})

export const show = async (call: AnyCall, services: Services): Promise<Answer> => ({
  body: { instance_usage_audit_log: await logOf(services, auditTime(call.params.id ?? '')) },
})

/** `2026-01-31 08:15:30`. */
const blankTime = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')

async function logOf({ db, config }: Services, before: number) {
  const period = lastAuditPeriod(config.usageAuditPeriod, before)
  const computes = await listServices(db.typed<NovaDb>(), { binary: 'nova-compute' })
  const hosts = [...new Set(computes.map(({ host }) => host))]
  const done = hosts.length === 0 ? 'ALL' : `0 of ${hosts.length}`
  return {
    period_beginning: blankTime(period.begin),
    period_ending: blankTime(period.end),
    num_hosts: hosts.length,
    num_hosts_done: 0,
    num_hosts_running: 0,
    num_hosts_not_run: hosts.length,
    hosts_not_run: hosts,
    total_instances: 0,
    total_errors: 0,
    overall_status: `${done} hosts done. 0 errors.`,
    log: {},
  }
}
