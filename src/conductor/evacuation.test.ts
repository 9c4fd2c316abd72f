/** An evacuation goes where the server can be made: the next host is tried when one could not, unless one was forced. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { latestInstanceFaults } from '#db/instance-faults.ts'
import { insertMigration, listMigrations } from '#db/instance-migrations.ts'
import { getInstance } from '#db/instances.ts'
import { findOperation } from '#db/operations.ts'
import { imageOf } from '../../test/contract/virt-driver.ts'
import { eventually } from '../../test/eventually.ts'
import { runningInstance } from '../../test/interface-sagas.ts'
import { buildParams, failure, smallCloud } from '../../test/small-cloud.ts'
import { createConductor } from './conductor.ts'

async function evacuate(t: TestContext, { fails, spec }: { fails: readonly string[]; spec: object }) {
  const cloud = await smallCloud({ hosts: ['h1', 'h2', 'h3'] })
  t.after(() => cloud.close())
  const { db } = cloud.world
  const uuid = await runningInstance(cloud)
  for (const host of fails) {
    const compute = cloud.computes[host]
    assert.ok(compute)
    compute.misbehave = ({ kind }) => (kind === 'build' ? failure('no memory', true) : undefined)
  }
  const migrationUuid = randomUUID()
  const who = { userId: 'ada', projectId: 'project' }
  const from = { sourceCompute: 'h1', sourceNode: 'h1.example' }
  await insertMigration(
    db,
    {
      uuid: migrationUuid,
      instanceUuid: uuid,
      migrationType: 'evacuation',
      status: 'accepted',
      ...from,
      ...who,
    },
    { now: 1 },
  )
  const conductor = createConductor(cloud.deps)
  await conductor.start()
  t.after(() => conductor.close())
  const operation = await cloud.request('evacuate-server', uuid, 'rebuilding', {
    migrationUuid,
    image: imageOf(Buffer.alloc(0)),
    stopAfter: false,
    spec: { ...buildParams().spec, ignoreHosts: ['h1'], ...spec },
  })
  await eventually(async () => (await findOperation(db, operation))?.status !== 'live', { withinMs: 30_000 })
  const [move] = await listMigrations(db, { instanceUuid: uuid })
  const { host, vmState } = await getInstance(db, uuid)
  const held = Object.keys(cloud.placement.allocations.get(uuid) ?? {})
  const fault = (await latestInstanceFaults(db, [uuid])).get(uuid)?.message
  return { host, vmState, dest: move?.destCompute, status: move?.status, held, fault }
}

test('a host that cannot make the server is followed by the next', async (t) => {
  const ended = await evacuate(t, { fails: ['h2'], spec: {} })
  const there = { host: 'h3', vmState: 'active', dest: 'h3', status: 'done', held: ['rp-h3'] }
  assert.deepEqual(ended, { ...there, fault: undefined })
})

test('with no host left it is an error that says why, and holds what it held', async (t) => {
  const { fault, ...ended } = await evacuate(t, { fails: ['h2', 'h3'], spec: {} })
  assert.match(
    fault ?? '',
    /^Exceeded maximum number of retries\. Exhausted all hosts .* Last exception: no memory/,
  )
  assert.deepEqual([ended.host, ended.vmState, ended.status, ended.held], ['h1', 'error', 'error', ['rp-h1']])
})

test('a host that was forced is the only one', async (t) => {
  const { fault, ...ended } = await evacuate(t, { fails: ['h2'], spec: { forceHost: 'h2' } })
  assert.match(fault ?? '', /Last exception: no memory/)
  assert.deepEqual([ended.host, ended.vmState], ['h1', 'error'])
})
