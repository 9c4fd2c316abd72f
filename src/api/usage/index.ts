/** Usage of projects over time, and the log of audits of it. */
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import * as auditLog from './audit-log.ts'
import * as tenantUsage from './tenant-usage.ts'
import * as spec from './usage.spec.ts'

export const usageRoutes = (services: Services): readonly Route[] => [
  serve(spec.listUsage, (call) => tenantUsage.list(call, services)),
  serve(spec.showUsage, (call) => tenantUsage.show(call, services)),
  serve(spec.listAuditLog, (call) => auditLog.list(call, services)),
  serve(spec.showAuditLog, (call) => auditLog.show(call, services)),
]
