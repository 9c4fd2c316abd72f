/**
 * Who may do what when no policy file says otherwise. A check is injected, so that what reads policy files
 * can take this one's place.
 */
import type { RequestContext } from '#model/request-context.ts'
import { createPolicy, placementRules } from '#policy/index.ts'

/** Who owns what is asked about. */
export interface PolicyTarget {
  readonly projectId?: string
}

/** Whether the caller may do what the rule is about. */
export type PolicyCheck = (rule: string, context: RequestContext, target: PolicyTarget) => boolean

/** The published defaults. Every rule is for project-scoped tokens. */
export function defaultPolicy(): PolicyCheck {
  const policy = createPolicy({ rules: placementRules, enforceScope: true })
  return (rule, context, { projectId }) =>
    policy.allows(rule, context, projectId === undefined ? {} : { project_id: projectId })
}
