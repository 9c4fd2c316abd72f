/** What a caller puts into a guest reaches the compute that builds it, and is then known to nobody. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findOperation } from '#db/operations.ts'
import { eventually } from '../../test/eventually.ts'
import { buildParams, smallCloud, type SmallCloud } from '../../test/small-cloud.ts'
import { createConductor } from './conductor.ts'

const injected = { adminPass: 'hunter2', files: [{ path: '/etc/motd', contents: 'aHVudGVyMw==' }] }

const rowsOf = async ({ world }: SmallCloud): Promise<string> =>
  JSON.stringify([
    ...(await world.db.selectFrom('operations').selectAll().execute()),
    ...(await world.db.selectFrom('commands').selectAll().execute()),
    ...(await world.db.selectFrom('instances').selectAll().execute()),
  ])

for (const outcome of ['done', 'failed'] as const)
  test(`a build that is ${outcome} forgets the password and the files, and nothing else`, async () => {
    const cloud = await smallCloud()
    const told: unknown[] = []
    for (const compute of Object.values(cloud.computes))
      compute.misbehave = ({ kind, args }) => {
        if (kind === 'build') told.push(args)
        const failure = { ok: false, message: 'no', details: '', retryable: false } as const
        return kind === 'build' && outcome === 'failed' ? failure : undefined
      }
    const conductor = createConductor(cloud.deps)
    await conductor.start()
    const uuid = await cloud.addInstance({ vmState: 'building' })
    const params = { ...buildParams(), injected, token: 'hunter2-token' }
    const operation = await cloud.request('build-server', uuid, 'scheduling', params)
    await eventually(async () => (await findOperation(cloud.world.db, operation))?.status === outcome)
    assert.deepEqual(told, [{ injected }])
    const rows = await rowsOf(cloud)
    assert.doesNotMatch(rows, /hunter2|aHVudGVyMw/)
    assert.match(rows, /own-port/, 'what else it was asked with is kept')
    await conductor.close()
    await cloud.close()
  })
