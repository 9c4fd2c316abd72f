/** The last word on a server group's policy: it knows who is where, and who is on the way. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { insertMigration } from '#db/instance-migrations.ts'
import { inTransaction } from '#db/kit/index.ts'
import { insertGroupMembers, insertServerGroup } from '#db/server-groups.ts'
import type { GroupPolicy } from '#model/server-group/index.ts'
import type { MigrationStatus } from '#model/instance/index.ts'
import { smallCloud } from '../../test/small-cloud.ts'
import { GroupPolicyViolated, requireGroupPolicy } from './group-policy.ts'

for (const [policy, status, there, isFine] of [
  ['anti-affinity', 'pre-migrating', 'h3', false],
  ['anti-affinity', 'running', 'h3', false],
  ['anti-affinity', 'running', 'h2', false],
  ['anti-affinity', 'running', 'h4', true],
  ['anti-affinity', 'error', 'h3', true],
  // Who asks for a host has not been given it yet.
  ['anti-affinity', 'accepted', 'h3', true],
  ['affinity', 'running', 'h3', true],
  ['affinity', 'running', 'h2', true],
  ['affinity', 'error', 'h3', false],
] as const satisfies readonly (readonly [GroupPolicy, MigrationStatus, string, boolean])[])
  test(`${policy}: ${isFine ? 'fine' : 'refused'} on ${there} while another is on h2, its move to h3 ${status}`, async (t) => {
    const cloud = await smallCloud()
    t.after(() => cloud.close())
    const { db } = cloud.world
    const [own, other] = [await cloud.addInstance({ host: 'h1' }), await cloud.addInstance({ host: 'h2' })]
    const who = { userId: 'ada', projectId: 'project' }
    const wish = { uuid: randomUUID(), name: 'g', policy, maxServersPerHost: null, ...who }
    const { id } = await insertServerGroup(db, wish, { now: 1 })
    const move = { uuid: randomUUID(), instanceUuid: other, migrationType: 'migration' } as const
    await insertMigration(db, { ...move, ...who, status, sourceCompute: 'h2', destCompute: 'h3' }, { now: 1 })
    const asked = inTransaction(db, async (trx) => {
      await insertGroupMembers(trx, id, [own, other])
      await requireGroupPolicy(trx, own, there)
    })
    if (isFine) await asked
    else await assert.rejects(asked, GroupPolicyViolated)
  })
