/** A rule as it is declared: its name, the check that holds unless an operator says otherwise, what it guards. */

export interface Rule {
  readonly name: string
  /** In oslo.policy's language. */
  readonly check: string
  /** Token scopes that may pass when scopes are enforced; null: the rule is only referred to, or takes all. */
  readonly scopeTypes: readonly Scope[] | null
  /** The requests it guards, as `METHOD /path` or `METHOD /path (action)`. */
  readonly operations: readonly string[]
  /** What it was called and said before. */
  readonly deprecated?: { readonly name: string; readonly check: string }
}

export type Scope = 'project' | 'domain' | 'system'

/** A rule that guards requests with project-scoped tokens. */
export const rule = (name: string, check: string, operations: readonly string[] = []): Rule => ({
  name,
  check,
  scopeTypes: ['project'],
  operations,
})

/** A rule that other rules refer to. */
export const base = (name: string, check: string): Rule => ({ name, check, scopeTypes: null, operations: [] })
