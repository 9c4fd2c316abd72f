/** What requests about usage look like, at each microversion. */
import { LIMIT, many, operation, query, since } from '#lib/versioned/index.ts'

const period = { start: many(), end: many() }
const page = { limit: since('2.40', many(LIMIT)), marker: since('2.40', many()) }
const behaviours = { paged: '2.40..' } as const

export const usagesQuery = query({ ...period, detailed: many(), ...page }, { strictSince: '2.75' })
export const usageQuery = query({ ...period, ...page }, { strictSince: '2.75' })

export const listUsage = operation({
  path: 'GET /os-simple-tenant-usage',
  policy: 'os_compute_api:os-simple-tenant-usage:list',
  query: usagesQuery,
  behaviours,
})

export const showUsage = operation({
  path: 'GET /os-simple-tenant-usage/{id}',
  query: usageQuery,
  behaviours,
})

const noQuery = query({}, { strictSince: '2.102' })

export const listAuditLog = operation({
  path: 'GET /os-instance_usage_audit_log',
  policy: 'os_compute_api:os-instance-usage-audit-log:list',
  query: noQuery,
})

export const showAuditLog = operation({
  path: 'GET /os-instance_usage_audit_log/{id}',
  policy: 'os_compute_api:os-instance-usage-audit-log:show',
  query: noQuery,
})
