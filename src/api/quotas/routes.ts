/** Limits, quota sets and quota class sets: how much a project may have, and has. */
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { limitsOf } from './limits.ts'
import * as classes from './quota-classes.ts'
import { absoluteLimits } from './quota-set.view.ts'
import * as sets from './quota-sets.ts'
import * as spec from './quota-sets.spec.ts'
import { usedOf } from './used.ts'

export const quotaRoutes = (services: Services): readonly Route[] => [
  serve(spec.showLimits, async (call) => {
    const other = call.query.tenant_id?.at(-1)
    if (other !== undefined) call.enforce('os_compute_api:limits:other_project')
    const of = { projectId: other ?? call.context.projectId ?? '' }
    const limits = await limitsOf(services, of)
    const used = await usedOf(services, of)
    return { body: { limits: { rate: [], absolute: call.render(absoluteLimits)(limits, used) } } }
  }),
  serve(spec.showQuotaSet, (call) => sets.show(call, services)),
  serve(spec.showQuotaSetDetail, (call) => sets.detail(call, services)),
  serve(spec.showQuotaSetDefaults, (call) => sets.defaults(call, services)),
  serve(spec.updateQuotaSet, (call) => sets.update(call, services)),
  serve(spec.removeQuotaSet, (call) => sets.remove(call, services)),
  serve(spec.showQuotaClass, (call) => classes.show(call, services)),
  serve(spec.updateQuotaClass, (call) => classes.update(call, services)),
]
