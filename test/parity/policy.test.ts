/** Every rule's answer, over callers of all kinds, is that of the published defaults (`../shared/spec`), where those are at hand. */
import type { RequestContext } from '#model/request-context.ts'
import { computeRules, createPolicy, placementRules, type Rule } from '#policy/index.ts'
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

interface Published {
  readonly name: string
  readonly check: string
  readonly resolved: string
  readonly scope_types: readonly string[] | null
  readonly deprecated_rule?: { readonly name: string; readonly check: string }
}

const SPEC = join(import.meta.dirname, '../../../shared/spec')
const ROLES = ['admin', 'manager', 'member', 'reader', 'service']
const SCOPES: readonly Partial<RequestContext>[] = [
  { projectId: 'p1' },
  { projectId: 'p2' },
  { projectId: null, systemScope: 'all' },
  { projectId: null, domainId: 'd1' },
]
const TARGETS = [
  { project_id: 'p1', user_id: 'u1' },
  { project_id: 'p1', user_id: 'u2' },
  { project_id: 'p3', user_id: 'u1' },
]

/** Callers with every set of roles, in every scope. */
function* callers(): Generator<RequestContext> {
  for (let set = 0; set < 1 << ROLES.length; set += 1) {
    const roles = ROLES.filter((_role, bit) => (set >> bit) % 2 === 1)
    for (const scope of SCOPES) yield { requestId: 'req-1', userId: 'u1', projectId: null, roles, ...scope }
  }
}

/** The resolved text by rewriting it: a second reading of the language that shares nothing with the first. */
function naive(text: string, who: RequestContext, target: Readonly<Record<string, string>>): boolean {
  const known: Record<string, string> = {
    project_id: String(who.projectId),
    user_id: who.userId,
    is_admin: who.roles.includes('admin') ? 'True' : 'False',
  }
  let words = text
    .replace(/(\w+):(%\((\w+)\)s|\w+)/g, (_whole, kind: string, match: string, name?: string) => {
      if (kind === 'role') return String(who.roles.includes(match))
      return String(known[kind] === (name === undefined ? match : target[name]))
    })
    .replaceAll('@', 'true')
    .replaceAll('!', 'false')
  const flat = (part: string): string =>
    String(
      part
        .split(' or ')
        .some((choice) =>
          choice
            .split(' and ')
            .every((each) => (each.startsWith('not ') ? each === 'not false' : each === 'true')),
        ),
    )
  while (words.includes('(')) words = words.replace(/\(([^()]*)\)/, (_whole, inner: string) => flat(inner))
  assert.match(words, /^(true|false|and|or|not| )+$/, text)
  return flat(words) === 'true'
}

const scopeName = (who: RequestContext): string =>
  who.systemScope ? 'system' : who.domainId ? 'domain' : 'project'

function compare(published: readonly Published[], rules: readonly Rule[]): void {
  assert.deepEqual(
    rules
      .map(({ name, check, scopeTypes }) => ({ name, check, scopeTypes }))
      .sort((a, b) => a.name.localeCompare(b.name)),
    published
      .map(({ name, check, scope_types }) => ({ name, check, scopeTypes: scope_types }))
      .sort((a, b) => a.name.localeCompare(b.name)),
  )
  const policy = createPolicy({ rules, enforceScope: true })
  for (const rule of published) {
    for (const who of callers()) {
      for (const target of TARGETS) {
        const inScope = rule.scope_types === null || rule.scope_types.includes(scopeName(who))
        const expected = inScope && naive(rule.resolved, who, target)
        assert.equal(
          policy.allows(rule.name, who, target),
          expected,
          `${rule.name} for ${JSON.stringify({ who, target })}`,
        )
      }
    }
  }
}

function compareOld(published: readonly Published[], rules: readonly Rule[]): void {
  const old = published.map(({ name, deprecated_rule: rule }) => [
    name,
    rule && { name: rule.name, check: rule.check },
  ])
  assert.deepEqual(
    Object.fromEntries(rules.map(({ name, deprecated }) => [name, deprecated])),
    Object.fromEntries(old),
  )
}

const read = (file: string): readonly Published[] =>
  (JSON.parse(readFileSync(join(SPEC, file), 'utf8')) as { policies: Published[] }).policies

if (existsSync(join(SPEC, 'policies.json'))) {
  test('compute policies are the published ones', () => compare(read('policies.json'), computeRules))
  test('what rules were before is as published', () => compareOld(read('policies.json'), computeRules))
}
if (existsSync(join(SPEC, 'placement-policies.json'))) {
  const hasAdmin: Rule = { name: 'context_is_admin', check: 'role:admin', scopeTypes: null, operations: [] }
  test('what placement rules were before is as published', () =>
    compareOld(read('placement-policies.json'), placementRules))
  test('placement policies are the published ones', () =>
    compare(
      [...read('placement-policies.json'), { ...hasAdmin, resolved: hasAdmin.check, scope_types: null }],
      [...placementRules, hasAdmin],
    ))
}
