/**
 * Who may do what, asked over HTTP on every route by every kind of caller: what is expected comes from the text of the
 * rule that decides the route and the roles that it names, not from the evaluator.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiRoutes } from '#api/index.ts'
import { formatVersion, type Operation, versionOf } from '#lib/versioned/index.ts'
import { computeRules } from '#policy/index.ts'
import { goodBody } from '../../asks/bodies.ts'
import { likelyPath } from '../../asks/paths.ts'
import { RULES_OF_ROUTES } from '../../asks/rules-of-routes.ts'
import { type Ground, startGround } from '../../asks/things.ts'
import { keyOf } from '../../parity/facts.ts'
import { message } from './servers-there.ts'
import { testServices } from './compute-api.ts'

/** Each with the roles it stands for; `demo`, `manager`, `reader` and `outcast` are of the project that owns everything. */
const CALLERS = ['admin', 'manager', 'demo', 'reader', 'service', 'alt', 'outcast'] as const
type Caller = (typeof CALLERS)[number]

/** Whom a check lets pass, as its text says, when the thing is of the callers' own project or user. */
const ALLOWED: Readonly<Record<string, readonly Caller[]>> = {
  '@': CALLERS,
  '!': [],
  'rule:context_is_admin': ['admin'],
  'rule:service_or_admin': ['admin', 'service'],
  'rule:project_manager_or_admin': ['admin', 'manager'],
  'rule:project_member_or_admin': ['admin', 'manager', 'demo', 'alt'],
  'rule:project_reader_or_admin': ['admin', 'manager', 'demo', 'reader', 'alt'],
  '(rule:context_is_admin) or user_id:%(user_id)s': CALLERS,
}

/** Not of the project that owns the servers. */
const STRANGERS: readonly Caller[] = ['alt', 'service']

/** Paths to things of one project, and what a stranger is told. Anything else is everybody's own. */
const OWNED: readonly (readonly [RegExp, number])[] = [
  [/^\/servers\/\{|^\/os-volumes_boot\/\{|^\/os-server-groups\/\{/, 404],
  [/^\/os-quota-sets\/\{.*\}(\/detail)?$|^\/os-simple-tenant-usage\/\{/, 403],
]

const checks = new Map(computeRules.map(({ name, check }) => [name, check]))

/** The rule's whole name; undefined when anybody with a token may. Throws for a route without a row. */
function ruleOf(operation: Operation): string | undefined {
  const row = RULES_OF_ROUTES[keyOf(operation)]
  assert.notEqual(row, undefined, `${keyOf(operation)} has no row in rules-of-routes.ts`)
  if (row === null || row === undefined) return undefined
  const whole = checks.has(row) ? row : `os_compute_api:${row}`
  assert.ok(checks.has(whole), `${keyOf(operation)}: there is no rule ${whole}`)
  if (operation.policy !== undefined) assert.equal(operation.policy, whole, keyOf(operation))
  return whole
}

function expected(operation: Operation, rule: string | undefined, caller: Caller): 'allowed' | number {
  const check = checks.get(rule ?? '') ?? '@'
  const foreign = STRANGERS.includes(caller)
    ? OWNED.find(([path]) => path.test(operation.path))?.[1]
    : undefined
  // What anybody may is nobody's.
  if (foreign !== undefined && rule !== undefined && check !== '@') return foreign
  const allowed = ALLOWED[check]
  assert.ok(allowed, `no callers are known for the check ${check}`)
  return allowed.includes(caller) ? 'allowed' : 403
}

/** A version at which the operation is there. */
const versionFor = ({ range }: Operation): number => Math.min(range.to, versionOf('2.104'))

async function ask({ api, filled }: Ground, operation: Operation, as: Caller | null) {
  const version = versionFor(operation)
  const body = goodBody(operation, version)
  return api.send(`${operation.method} ${filled(likelyPath(operation.path))}`, {
    as,
    at: formatVersion(version),
    ...(body !== undefined && { body: filled(JSON.stringify(body)) }),
  })
}

/** What it complains of, and whether an admin succeeded, go into the two lists. */
async function checkRoute(
  ground: Ground,
  operation: Operation,
  { complaints, succeeded }: { complaints: string[]; succeeded: Set<string> },
): Promise<void> {
  const key = keyOf(operation)
  const complain = (who: string, status: number, text: string, wanted: string | number) =>
    complaints.push(`${key} by ${who}: ${status} instead of ${wanted} ${text.slice(0, 200)}`)
  const rule = ruleOf(operation)
  const nobody = await ask(ground, operation, null)
  if (nobody.status !== 401) complain('nobody', nobody.status, nobody.text, 401)
  // Those who are refused first: they change nothing that the others ask about.
  const all = CALLERS.map((caller) => [caller, expected(operation, rule, caller)] as const)
  for (const [caller, wanted] of all.filter(([, wanted]) => wanted !== 'allowed')) {
    const { status, text, body } = await ask(ground, operation, caller)
    const said = status === 403 ? message(body) : undefined
    const isSaid = said === undefined || said === `Policy doesn't allow ${rule} to be performed.`
    if (status !== wanted || !isSaid) complain(caller, status, text, wanted)
  }
  for (const [caller] of all.filter(([, wanted]) => wanted === 'allowed')) {
    if (operation.method !== 'GET') await ground.replenish()
    const { status, text, body } = await ask(ground, operation, caller)
    // Whatever else may be amiss: the same request is refused by the rule when others send it.
    const refused = status === 403 && message(body).startsWith("Policy doesn't")
    if (status === 401 || refused || (status >= 500 && status !== 501))
      complain(caller, status, text, 'allowed')
    if (caller === 'admin' && status < 300) succeeded.add(key)
  }
}

test('every route lets pass whom its rule names, and nobody else', async (t) => {
  const ground = await startGround(t)
  await ground.replenish()
  const [complaints, succeeded] = [[] as string[], new Set<string>()]
  const operations = apiRoutes(testServices())
    .map(({ operation }) => operation)
    .filter((operation) => operation.statusAt(versionFor(operation)) !== 410 && operation.path !== '/')
  for (const operation of operations) await checkRoute(ground, operation, { complaints, succeeded })
  assert.deepEqual(complaints, [])
  // Requests that cannot be done prove less.
  assert.ok(succeeded.size > 60, `only ${succeeded.size} routes of ${operations.length} succeeded`)
})
