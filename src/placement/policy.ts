/**
 * Placement's rules with their defaults: who may do what when no policy file says otherwise. A check is
 * injected, so that an evaluator of policy files can take this one's place.
 */
import type { RequestContext } from '#model/request-context.ts'

/** Who owns what is asked about. */
export interface PolicyTarget {
  readonly projectId?: string
}

/** Whether the caller may do what the rule is about. */
export type PolicyCheck = (rule: string, context: RequestContext, target: PolicyTarget) => boolean

const isAdmin = (context: RequestContext): boolean => context.roles.includes('admin')
const isService = (context: RequestContext): boolean => context.roles.includes('service')

const adminOrService = (context: RequestContext): boolean => isAdmin(context) || isService(context)

const adminServiceOrOwnReader = (context: RequestContext, target: PolicyTarget): boolean =>
  adminOrService(context) || (context.roles.includes('reader') && context.projectId === target.projectId)

/** The rules whose default is not `admin_or_service_api`. */
const EXCEPTIONS: ReadonlyMap<string, (context: RequestContext, target: PolicyTarget) => boolean> = new Map([
  ['placement:usages', adminServiceOrOwnReader],
  ['placement:reshaper:reshape', isService],
])

/** The defaults. Every rule is for project-scoped tokens. */
export const defaultPolicy: PolicyCheck = (rule, context, target) =>
  context.projectId !== null && (EXCEPTIONS.get(rule) ?? adminOrService)(context, target)
