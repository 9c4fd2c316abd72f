/** Where servers are, and how busy that makes their hosts, on every database. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { countBusyOnHosts, countOnHosts, hostsOfInstances, notesOnHosts } from '#db/instance-places.ts'
import { insertInstances, type NewInstance, removeInstance } from '#db/instances.ts'
import { openStores } from './db.ts'
import { newInstance } from './fixtures.ts'

for (const { name, db } of await openStores()) {
  test(`${name}: servers are counted on their hosts, and those among them that keep it busy`, async () => {
    const [one, two] = [randomUUID(), randomUUID()]
    const kinds: Partial<NewInstance>[] = [
      { host: one },
      { host: one, vmState: 'building', taskState: 'spawning' },
      { host: one, taskState: 'image_snapshot' },
      { host: one, taskState: 'powering-off' },
      { host: one, vmState: 'stopped', taskState: 'rebuilding' },
      { host: two, vmState: 'error', systemMetadata: { image_os_distro: 'linux' } },
      { host: null, vmState: 'building', taskState: 'scheduling' },
    ]
    const instances = kinds.map((kind) => newInstance(kind))
    const gone = newInstance({ host: two, vmState: 'building', taskState: 'spawning' })
    await insertInstances(db, [...instances, gone], { now: 1 })
    await removeInstance(db, gone.uuid, { now: 2 })
    const [all, busy] = [await countOnHosts(db), await countBusyOnHosts(db)]
    assert.deepEqual([all.get(one), all.get(two)], [5, 1])
    assert.deepEqual([busy.get(one), busy.get(two)], [3, undefined])

    const named = [...instances, gone].map(({ uuid }) => uuid)
    const hosts = await hostsOfInstances(db, [...named, ...named, randomUUID(), "'", ''])
    assert.deepEqual(
      named.map((uuid) => hosts.get(uuid)),
      [one, one, one, one, one, two, undefined, undefined],
    )
    assert.equal((await hostsOfInstances(db, [])).size, 0)
    assert.deepEqual(await notesOnHosts(db, [two, randomUUID()]), [
      { host: two, notes: { image_os_distro: 'linux' } },
    ])
    assert.equal((await notesOnHosts(db, [one])).length, 5)
  })
}
