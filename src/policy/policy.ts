/** The policy: may this caller do that? Rules as declared, overridden by an operator's, compiled once. */
import { forbidden } from '#lib/fault.ts'
import type { Log } from '#lib/log.ts'
import type { RequestContext } from '#model/request-context.ts'
import { isDeepStrictEqual } from 'node:util'
import { compileRules, type Credentials, type Predicate, type Target } from './compile.ts'
import { type Check, parseCheck, PolicySyntaxError } from './parse.ts'
import type { Rule, Scope } from './rule.ts'
import { computeRules } from './rules/compute.ts'

/** Checks by rule name, as an operator's file has them (strings, or oslo.policy's older lists). */
export type Overrides = Readonly<Record<string, unknown>>

export interface PolicyOptions {
  /** The rules there are; those of the compute API unless said otherwise. */
  readonly rules?: readonly Rule[]
  readonly overrides?: Overrides
  /** Where the overrides come from, for messages. */
  readonly source?: string
  /** Refuse tokens of a scope that a rule is not made for (`[oslo_policy] enforce_scope`). */
  readonly enforceScope: boolean
  /** False: what a rule's older check allowed stays allowed (`[oslo_policy] enforce_new_defaults`). True when left out. */
  readonly enforceNewDefaults?: boolean
  readonly log?: Log
}

export interface Policy {
  /** Whether the caller may; without a target, the caller's own project and user are meant. Throws for a rule that nobody declared. */
  allows(rule: string, context: RequestContext, target?: Target): boolean
  /** Throws a `forbidden` fault, in Nova's words, when the caller may not. */
  enforce(rule: string, context: RequestContext, target?: Target): void
  /** Whether `context_is_admin` holds: rows of all projects are seen, fields for admins shown. */
  isAdmin(context: RequestContext): boolean
}

/** Compiles a policy. Throws a `PolicySyntaxError` naming source and rule when an override cannot be read. */
export function createPolicy(options: PolicyOptions): Policy {
  const rules = options.rules ?? computeRules
  const predicates = compile(rules, options)
  const scopes = new Map(rules.map((each) => [each.name, each.scopeTypes]))
  const adminRule = predicates.get('context_is_admin')

  const isAdmin = (context: RequestContext): boolean =>
    adminRule?.(credentialsOf(context, false), {}) ?? false
  const allows = (name: string, context: RequestContext, target?: Target): boolean => {
    const predicate = predicates.get(name)
    if (!predicate) throw new Error(`policy rule ${name} is not declared`)
    const scopeTypes = scopes.get(name)
    if (options.enforceScope && scopeTypes && !scopeTypes.includes(scopeOf(context))) return false
    return predicate(
      credentialsOf(context, isAdmin(context)),
      target ?? { project_id: context.projectId, user_id: context.userId },
    )
  }
  return {
    allows,
    isAdmin,
    enforce(name, context, target) {
      if (!allows(name, context, target)) throw forbidden(`Policy doesn't allow ${name} to be performed.`)
    },
  }
}

function compile(rules: readonly Rule[], options: PolicyOptions): ReadonlyMap<string, Predicate> {
  const source = options.source ?? 'policy'
  const overrides = readOverrides(options, source)
  const checks = new Map<string, Check>(
    rules.map((each) => [each.name, effective(each, overrides, options)] as const),
  )
  const old = new Set(rules.flatMap((each) => each.deprecated?.name ?? []))
  for (const [name, check] of overrides) {
    // A rule of an operator's own is no mistake in itself: others may refer to it. A misspelt one looks the same.
    if (!checks.has(name))
      options.log?.warn(
        { source, rule: name },
        old.has(name) ? 'policy rule has other names now' : 'policy rule is not one of ours',
      )
    checks.set(name, check)
  }
  warnOfDangling(checks, options)
  return telling(source, () => compileRules(checks))
}

function readOverrides(options: PolicyOptions, source: string): ReadonlyMap<string, Check> {
  return new Map(
    Object.entries(options.overrides ?? {}).map(([name, check]) => [
      name,
      telling(`${source}: ${name}`, () => parseCheck(check)),
    ]),
  )
}

/** Does it, and says where when a check is no check. */
function telling<T>(where: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof PolicySyntaxError)
      throw new PolicySyntaxError(`${where}: ${error.message}`, { cause: error })
    throw error
  }
}

/** A rule's own check, what an operator said of it under its older name, or either of the new and the old. */
function effective(
  { name, check, deprecated }: Rule,
  overrides: ReadonlyMap<string, Check>,
  options: PolicyOptions,
): Check {
  const current = parseCheck(check)
  if (!deprecated || overrides.has(name)) return current
  const before = parseCheck(deprecated.check)
  const said = deprecated.name === name ? undefined : overrides.get(deprecated.name)
  if (said && !isDeepStrictEqual(said, before) && !isReferenceTo(name, said)) return said
  return options.enforceNewDefaults === false && deprecated.check !== check
    ? { type: 'or', checks: [current, before] }
    : current
}

/** As sample files have it: the old name refers to the new, and says nothing. */
const isReferenceTo = (name: string, check: Check): boolean => check.type === 'rule' && check.name === name

function warnOfDangling(checks: ReadonlyMap<string, Check>, options: PolicyOptions): void {
  for (const [rule, check] of checks) {
    for (const name of references(check)) {
      if (!checks.has(name))
        options.log?.warn(
          { source: options.source, rule, missing: name },
          'policy rule refers to one that is not there',
        )
    }
  }
}

function references(check: Check): readonly string[] {
  if (check.type === 'rule') return [check.name]
  if (check.type === 'not') return references(check.check)
  return check.type === 'and' || check.type === 'or' ? check.checks.flatMap(references) : []
}

/** As oslo.policy sees it: a token for nothing in particular counts as a project's. */
function scopeOf(context: RequestContext): Scope {
  if (context.systemScope) return 'system'
  return context.domainId ? 'domain' : 'project'
}

function credentialsOf(context: RequestContext, isAdmin: boolean): Credentials {
  return {
    user_id: context.userId,
    user_domain_id: context.userDomainId ?? null,
    project_id: context.projectId,
    project_domain_id: context.projectDomainId ?? null,
    domain_id: context.domainId ?? null,
    system_scope: context.systemScope ?? null,
    roles: context.roles,
    service_roles: context.serviceRoles ?? [],
    is_admin: isAdmin,
    is_admin_project: true,
  }
}
