/**
 * The real services as they were before the last walk: what one left behind goes, and what is long deleted is
 * archived, as an operator would, for usage and migrations tell of it.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Oracle } from '../../interop/oracle.ts'
import type { Said } from './client.ts'
import { readWalk, type Step } from './walk.ts'

const OURS = /^walk-/

/** What walks make, in an order in which it can be removed: who sees it, its noun, what removes it. */
const NOUNS = [
  ['demo', 'server', 'delete --wait'],
  ['demo', 'port', 'delete'],
  ['demo', 'volume', 'delete'],
  ['demo', 'image', 'delete'],
  ['demo', 'security group', 'delete'],
  ['demo', 'network', 'delete'],
  ['demo', 'keypair', 'delete'],
  ['demo', 'server group', 'delete'],
  ['admin', 'aggregate', 'delete'],
  ['admin', 'flavor', 'delete'],
] as const

interface Teller {
  say(step: Step): Promise<Said>
}

export async function makeFresh(oracle: Oracle, teller: Teller): Promise<void> {
  for (const [user, noun, verb] of NOUNS) {
    const all = noun === 'flavor' ? ' --all' : ''
    for (const left of await listed(teller, `${user} 2.90 openstack ${noun} list${all}`)) {
      const line = `${user} 2.90 openstack ${noun} ${verb} ${left}`
      console.log(`left from an earlier walk: ${line}`)
      if (noun === 'aggregate') await say(teller, `admin 2.90 openstack aggregate remove host ${left} fake-2`)
      await say(teller, line)
    }
  }
  const file = ['--config-file', `${oracle.variables['ETC']}/nova/nova.conf`]
  const words = ['db', 'archive_deleted_rows', '--all-cells', '--until-complete']
  await promisify(execFile)('nova-manage', [...file, ...words]).catch((error: { code?: unknown }) => {
    // 1 says that something was archived.
    if (error.code !== 1) throw error
  })
}

/** The ids, or names where there are none, of those that a walk named. */
async function listed(teller: Teller, line: string): Promise<string[]> {
  const { code, out, err } = await say(teller, line)
  if (code !== 0) throw new Error(`${line}: ${err}`)
  const rows = JSON.parse(out) as Readonly<Record<string, string | number | null>>[]
  return rows.filter(({ Name }) => OURS.test(`${Name ?? ''}`)).map(({ ID, Name }) => `${ID ?? Name}`)
}

async function say(teller: Teller, line: string): Promise<Said> {
  const [step] = readWalk(line)
  if (!step) throw new Error(`nothing to say: ${line}`)
  return teller.say(step)
}
