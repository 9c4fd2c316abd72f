/** Where overrides come from: old names, old defaults, folders, and files that change while they are heeded. */
import { type Log, silentLog } from '#lib/log.ts'
import type { RequestContext } from '#model/request-context.ts'
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createLivePolicy, createPolicy, loadPolicy, PolicySyntaxError } from './index.ts'

const context = (roles: string[]): RequestContext => ({ requestId: 'r', userId: 'u', projectId: 'p', roles })
const NAME = 'os_compute_api:os-hypervisors:list'
const LIMITS = 'os_compute_api:limits'

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'policy-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

test('what is said of an old name holds for the new ones, unless it says nothing or they are said otherwise', () => {
  const old = 'os_compute_api:os-hypervisors'
  const may = (overrides: Record<string, string>) =>
    createPolicy({ overrides, enforceScope: true }).allows(NAME, context(['auditor']))
  assert.equal(may({}), false)
  assert.equal(may({ [old]: 'role:auditor' }), true)
  assert.equal(may({ [old]: 'role:auditor', [NAME]: '!' }), false)
  assert.equal(may({ [old]: 'rule:admin_api', admin_api: '@' }), false, 'the old default is no override')
  assert.equal(may({ [old]: `rule:${NAME}` }), false, 'as sample files have it')
})

test('old defaults hold beside the new ones when asked for', () => {
  const create = 'os_compute_api:servers:create'
  const roles = context(['anything'])
  assert.equal(createPolicy({ enforceScope: true }).allows(create, roles), false)
  const lenient = createPolicy({ enforceScope: true, enforceNewDefaults: false })
  assert.equal(lenient.allows(create, roles), true)
  assert.equal(lenient.allows(create, roles, { project_id: 'other' }), false)
  assert.equal(lenient.allows(NAME, roles), false)
  const said = createPolicy({ enforceScope: true, enforceNewDefaults: false, overrides: { [create]: '!' } })
  assert.equal(said.allows(create, roles), false)
})

test('files of folders prevail over the file, later ones over earlier ones; hidden ones are not read', async (t) => {
  const folder = await folderOf(t)
  const file = join(folder, 'policy.yaml')
  const directory = join(folder, 'policy.d')
  await mkdir(join(directory, 'deeper'), { recursive: true })
  await writeFile(file, `"${NAME}": "@"\n"${LIMITS}": "!"\n`)
  await writeFile(join(directory, '20-late.yaml'), `"${NAME}": "role:late"\n`)
  await writeFile(join(directory, '10-early.json'), `{"${NAME}": "role:early"}`)
  await writeFile(join(directory, '.hidden.yaml'), ': nonsense: [')
  const directories = [directory, join(folder, 'none')]
  const policy = await loadPolicy({ file, directories }, { enforceScope: true })
  assert.equal(policy.allows(NAME, context(['late'])), true)
  assert.equal(policy.allows(NAME, context(['early'])), false)
  assert.equal(policy.allows(LIMITS, context(['reader'])), false)
})

test('a file that comes, changes or breaks is followed', async (t) => {
  const folder = await folderOf(t)
  const file = join(folder, 'policy.yaml')
  let now = 0
  const errors: unknown[] = []
  const log: Log = { ...silentLog, error: (...args) => void errors.push(args) }
  const policy = await createLivePolicy({ file }, { enforceScope: true, clock: { now: () => now }, log })
  const may = () => policy.allows(NAME, context(['auditor']))
  /** Asks again and again, as requests do, until the answer is this. */
  const until = async (answer: boolean): Promise<void> => {
    for (let tries = 0; may() !== answer; tries += 1) {
      assert.ok(tries < 100_000, `never ${answer}`)
      now += 1_000
      await turn()
    }
  }
  assert.equal(may(), false)
  await writeFile(file, `"${NAME}": "role:auditor"`)
  assert.equal(may(), false, 'not looked at within a second')
  await until(true)
  await writeFile(file, `"${NAME}": "role:nobody"`)
  await until(false)
  await writeFile(file, `"${NAME}": "role:auditor or"`)
  while (errors.length === 0) {
    now += 1_000
    may()
    await turn()
  }
  assert.equal(may(), false, 'what it said before holds')
  await assert.rejects(policy.reload(), PolicySyntaxError)
  await writeFile(file, `"${NAME}": "role:auditor or role:more"`)
  await policy.reload()
  assert.equal(may(), true)
  await rm(file)
  await until(false)
})
