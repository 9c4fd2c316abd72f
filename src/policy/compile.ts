/** Checks as functions: each rule is compiled once, references between rules resolved, cycles refused. */
import type { Check } from './parse.ts'
import { PolicySyntaxError } from './parse.ts'

/** What is known of the caller, by oslo.policy's names (`project_id`, `roles`, `is_admin`, …). */
export type Credentials = Readonly<Record<string, unknown>>
/** What is known of the thing, by the names that `%(…)s` uses; dots in names are part of the name. */
export type Target = Readonly<Record<string, unknown>>
export type Predicate = (credentials: Credentials, target: Target) => boolean

/**
 * Compiles all rules. A reference to a rule that is not there is false, as in oslo.policy.
 * Throws a `PolicySyntaxError` when rules refer to one another in a circle.
 */
export function compileRules(checks: ReadonlyMap<string, Check>): ReadonlyMap<string, Predicate> {
  const compiled = new Map<string, Predicate>()
  const underWay: string[] = []
  const ruleNamed = (name: string): Predicate => {
    const done = compiled.get(name)
    if (done) return done
    const check = checks.get(name)
    if (!check) return never
    if (underWay.includes(name))
      throw new PolicySyntaxError(`rule ${name} refers to itself (${[...underWay, name].join(' → ')})`)
    underWay.push(name)
    const predicate = compile(check, ruleNamed)
    underWay.pop()
    compiled.set(name, predicate)
    return predicate
  }
  for (const name of checks.keys()) ruleNamed(name)
  return compiled
}

const never: Predicate = () => false

type RuleNamed = (name: string) => Predicate
type Compilers = {
  readonly [T in Check['type']]: (check: Extract<Check, { type: T }>, ruleNamed: RuleNamed) => Predicate
}

const allOf = (checks: readonly Check[], ruleNamed: RuleNamed) =>
  checks.map((each) => compile(each, ruleNamed))

const COMPILERS: Compilers = {
  true: () => () => true,
  false: () => never,
  not({ check }, ruleNamed) {
    const inner = compile(check, ruleNamed)
    return (credentials, target) => !inner(credentials, target)
  },
  and({ checks }, ruleNamed) {
    const inner = allOf(checks, ruleNamed)
    return (credentials, target) => inner.every((each) => each(credentials, target))
  },
  or({ checks }, ruleNamed) {
    const inner = allOf(checks, ruleNamed)
    return (credentials, target) => inner.some((each) => each(credentials, target))
  },
  rule: ({ name }, ruleNamed) => ruleNamed(name),
  role: ({ match }) => compileRole(match),
  generic: ({ kind, match }) => compileGeneric(kind, match),
}

const compile = (check: Check, ruleNamed: RuleNamed): Predicate =>
  (COMPILERS[check.type] as (check: Check, ruleNamed: RuleNamed) => Predicate)(check, ruleNamed)

function compileRole(match: string): Predicate {
  const expected = template(match)
  return (credentials, target) => {
    const role = expected(target)?.toLowerCase()
    return (
      role !== undefined &&
      Array.isArray(credentials.roles) &&
      credentials.roles.some((each) => String(each).toLowerCase() === role)
    )
  }
}

const LITERALS: Readonly<Record<string, string>> = { True: 'True', False: 'False', None: 'None' }

/** `kind:match`: a quoted kind is a literal, any other a name among the credentials. */
function compileGeneric(kind: string, match: string): Predicate {
  const expected = template(match)
  const quoted = /^'(.*)'$|^"(.*)"$/.exec(kind)
  const literal = quoted
    ? (quoted[1] ?? quoted[2])
    : (LITERALS[kind] ?? (/^-?\d+$/.test(kind) ? kind : undefined))
  if (literal !== undefined) return (_credentials, target) => expected(target) === literal
  const path = kind.split('.')
  // Stricter than oslo.policy: a caller without a project is not the owner of what has no owner.
  const nullMatches = !match.includes('%(')
  return (credentials, target) => {
    const wanted = expected(target)
    const equals = (value: unknown) => (nullMatches || value != null) && pythonText(value) === wanted
    return wanted !== undefined && lookUp(credentials, path, equals)
  }
}

/** Walks into the credentials; a list on the way or at the end matches when one of its items does. */
function lookUp(value: unknown, path: readonly string[], equals: (value: unknown) => boolean): boolean {
  if (Array.isArray(value)) return value.some((each) => lookUp(each, path, equals))
  const [step, ...rest] = path
  if (step === undefined) return equals(value)
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return false
  return lookUp((value as Record<string, unknown>)[step], rest, equals)
}

const PLACEHOLDER = /%\(([^)]*)\)s/g

/** A match with its `%(name)s` filled from the target; undefined when the target does not have the name. */
function template(match: string): (target: Target) => string | undefined {
  if (!match.includes('%(')) return () => match
  return (target) => {
    let known = true
    const text = match.replace(PLACEHOLDER, (_whole, name: string) => {
      if (!Object.hasOwn(target, name)) known = false
      return pythonText(target[name])
    })
    return known ? text : undefined
  }
}

/** How Python would write it, since that is what checks were written against (`is_admin:True`, `None`). */
function pythonText(value: unknown): string {
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (value === null || value === undefined) return 'None'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
