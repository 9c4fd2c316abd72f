/** The language and the policy around it: precedence, odd but legal checks, refusals, overrides. */
import { isFault } from '#lib/fault.ts'
import { type Log, silentLog } from '#lib/log.ts'
import type { RequestContext } from '#model/request-context.ts'
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createPolicy, loadPolicy, PolicySyntaxError, type Target } from './index.ts'

const context = (roles: string[], rest: Partial<RequestContext> = {}): RequestContext => ({
  requestId: 'req-1',
  userId: 'u1',
  projectId: 'p1',
  roles,
  ...rest,
})
const OWN = { project_id: 'p1', user_id: 'u1' }

/** Whether a lone check holds. */
function holds(check: unknown, who: RequestContext, target: Target = OWN): boolean {
  const rules = [
    { name: 'context_is_admin', check: 'role:admin', scopeTypes: null, operations: [] },
    { name: 'x', check: '!', scopeTypes: null, operations: [] },
  ]
  return createPolicy({ rules, overrides: { x: check }, enforceScope: true }).allows('x', who, target)
}

test('checks mean what oslo.policy says they mean', () => {
  const reader = context(['Reader'])
  const table: [unknown, boolean][] = [
    ['', true],
    ['@', true],
    ['!', false],
    [[], true],
    ['role:reader', true],
    ['role:READER and not role:admin', true],
    ['not role:reader or role:reader', true],
    ['role:admin and role:reader or role:reader', true],
    ['role:reader or role:admin and role:none', true],
    ['(role:reader or role:admin) and role:none', false],
    ['NOT (role:admin OR role:none)', true],
    ['project_id:%(project_id)s', true],
    ['project_id:%(no_such)s', false],
    ['is_admin:True', false],
    ['is_admin:False', true],
    ["'p1':%(project_id)s", true],
    ["'p2':%(project_id)s", false],
    ['None:%(none)s', true],
    ['system_scope:all', false],
    ['rule:no_such_rule', false],
    ['not rule:no_such_rule', true],
    ['role:%(wanted)s', true],
    [[['role:admin'], ['role:reader', 'project_id:p1']], true],
    [['role:admin', 'role:none'], false],
  ]
  for (const [check, expected] of table) {
    assert.equal(
      holds(check, reader, { ...OWN, none: null, wanted: 'reader' }),
      expected,
      JSON.stringify(check),
    )
  }
})

test('what cannot be read is refused with the rule and the place', () => {
  for (const check of [
    'role:a and',
    '(role:a',
    'role:a)',
    'role:a role:b',
    'or role:a',
    'nonsense',
    ':x',
    'http://example.org',
    7,
    [[1]],
    `${'('.repeat(99)}@${')'.repeat(99)}`,
  ]) {
    assert.throws(
      () =>
        createPolicy({
          overrides: { 'os_compute_api:limits': check },
          source: 'policy.yaml',
          enforceScope: true,
        }),
      (error) =>
        error instanceof PolicySyntaxError &&
        error.message.startsWith('policy.yaml: os_compute_api:limits: '),
      JSON.stringify(check),
    )
  }
  assert.throws(
    () => createPolicy({ overrides: { a: 'rule:b', b: 'not rule:a' }, enforceScope: true }),
    /refers to itself \(a → b → a\)/,
  )
})

test('any text is either a check or refused, never a crash', () => {
  const piece = fc.constantFrom(
    '(',
    ')',
    'and',
    'or',
    'not',
    'role:a',
    '@',
    '!',
    ' ',
    '%(',
    ')s',
    "'",
    ':',
    'rule:x',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      try {
        assert.equal(typeof holds(pieces.join(' '), context(['a'])), 'boolean')
      } catch (error) {
        assert.ok(error instanceof PolicySyntaxError, String(error))
      }
    }),
  )
})

test('nobody is the owner of what has no owner', () => {
  assert.equal(
    holds('project_id:%(project_id)s', context([], { projectId: null }), { project_id: null }),
    false,
  )
})

test("the compute API's rules: a reader reads, a member writes its own, an admin all, scopes are enforced", () => {
  const policy = createPolicy({ enforceScope: true })
  const other = { project_id: 'p2', user_id: 'u2' }
  assert.equal(policy.allows('os_compute_api:servers:index', context(['reader'])), true)
  assert.equal(policy.allows('os_compute_api:servers:index', context(['reader']), other), false)
  assert.equal(policy.allows('os_compute_api:servers:create', context(['reader'])), false)
  assert.equal(policy.allows('os_compute_api:servers:create', context(['member', 'reader'])), true)
  assert.equal(policy.allows('os_compute_api:servers:delete', context(['admin']), other), true)
  assert.equal(
    policy.allows(
      'os_compute_api:servers:delete',
      context(['admin'], { projectId: null, systemScope: 'all' }),
      other,
    ),
    false,
  )
  assert.equal(policy.isAdmin(context(['ADMIN'])), true)
  assert.equal(policy.isAdmin(context(['member'])), false)
  assert.throws(() => policy.allows('os_compute_api:servers:crate', context(['admin'])), /not declared/)
  assert.throws(
    () => policy.enforce('os_compute_api:servers:create', context(['reader'])),
    (error) =>
      isFault(error, 'forbidden') &&
      error.message === "Policy doesn't allow os_compute_api:servers:create to be performed.",
  )
})

test('a policy file overrides, warns of names it does not know, and is refused when broken', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'policy-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'policy.yaml')
  const warned: object[] = []
  const log: Log = { ...silentLog, warn: (fields) => void warned.push(fields) }

  await writeFile(
    file,
    '# tighter\n"os_compute_api:servers:index": "role:admin or rule:mine"\n"mine": "user_id:u1"\n"os_compute_api:serverz:show": "rule:gone"\n',
  )
  const policy = await loadPolicy({ file }, { enforceScope: true, log })
  assert.equal(policy.allows('os_compute_api:servers:index', context([])), true)
  assert.equal(policy.allows('os_compute_api:servers:index', context(['member'], { userId: 'u2' })), false)
  assert.deepEqual(warned, [
    { source: file, rule: 'mine' },
    { source: file, rule: 'os_compute_api:serverz:show' },
    { source: file, rule: 'os_compute_api:serverz:show', missing: 'gone' },
  ])

  await writeFile(file, 'a: [b\n')
  await assert.rejects(loadPolicy({ file }, { enforceScope: true }), PolicySyntaxError)
  await writeFile(file, '- a\n')
  await assert.rejects(loadPolicy({ file }, { enforceScope: true }), PolicySyntaxError)
  assert.ok(await loadPolicy({ file: join(folder, 'none.yaml') }, { enforceScope: true }))
})
