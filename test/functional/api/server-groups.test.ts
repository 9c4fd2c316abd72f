/** Server groups through HTTP: their shapes of each era, who sees which, pages, quotas. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NovaDb } from '#db/schema.ts'
import { IMAGE_ID, startApi, type TestApi } from './compute-api.ts'
import { message, startCloud } from './servers-there.ts'

interface Group {
  readonly id: string
  readonly name: string
  readonly members: readonly string[]
}

async function makeGroup({ send }: TestApi, name: string, as: 'demo' | 'alt' = 'demo'): Promise<Group> {
  const body = { server_group: { name, policy: 'anti-affinity', rules: { max_server_per_host: '3' } } }
  const made = await send('POST /os-server-groups', { as, at: '2.64', body })
  assert.equal(made.status, 200, made.text)
  return made.body.server_group as Group
}

test('a server group is shown as each version has it', async (t) => {
  const api = await startApi(t)
  const { id } = await makeGroup(api, 'g')
  const show = async (at: string) => (await api.send(`GET /os-server-groups/${id}`, { at })).body.server_group
  const old = { id, name: 'g', policies: ['anti-affinity'], metadata: {}, members: [] }
  const owner = { project_id: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', user_id: 'demo-user' }
  assert.deepEqual(await show('2.12'), old)
  assert.deepEqual(await show('2.63'), { ...old, ...owner })
  const rules = { max_server_per_host: 3 }
  assert.deepEqual(await show('2.64'), {
    id,
    name: 'g',
    policy: 'anti-affinity',
    rules,
    members: [],
    ...owner,
  })
})

test('policies and rules are those of the version', async (t) => {
  const { send } = await startApi(t)
  const ask = async (at: string, group: object) =>
    send('POST /os-server-groups', { at, body: { server_group: { name: 'g', ...group } } })
  const soft = { policies: ['soft-affinity'] }
  const early = await ask('2.14', soft)
  assert.equal(
    message(early.body),
    "Invalid input for field/attribute 0. Value: soft-affinity. 'soft-affinity' is not one of ['anti-affinity', 'affinity']",
  )
  assert.equal((await ask('2.15', soft)).status, 200)
  assert.equal((await ask('2.64', soft)).status, 400)
  const ruled = { policy: 'affinity', rules: { max_server_per_host: 1 } }
  assert.equal(message((await ask('2.64', ruled)).body), 'Only anti-affinity policy supports rules.')
  const huge = { policy: 'anti-affinity', rules: { max_server_per_host: '99999999999999999999' } }
  assert.equal((await ask('2.64', huge)).status, 200)
})

test('projects see and remove their own groups only, an admin all', async (t) => {
  const api = await startApi(t)
  const [a, b, c] = [await makeGroup(api, 'a'), await makeGroup(api, 'b'), await makeGroup(api, 'c', 'alt')]
  const names = async (query: string, as: 'demo' | 'alt' | 'admin' = 'demo') =>
    ((await api.send(`GET /os-server-groups${query}`, { as })).body.server_groups as Group[]).map(
      ({ name }) => name,
    )
  assert.deepEqual(await names(''), ['a', 'b'])
  assert.deepEqual(await names('?limit=1&offset=1'), ['b'])
  assert.deepEqual(await names('?limit=0'), ['a', 'b'])
  assert.deepEqual(await names('?all_projects=1'), ['a', 'b'])
  assert.deepEqual(await names('?all_projects', 'admin'), ['a', 'b', 'c'])
  assert.equal((await api.send(`GET /os-server-groups/${c.id}`)).status, 404)
  assert.equal((await api.send(`DELETE /os-server-groups/${c.id}`)).status, 404)
  assert.equal((await api.send(`DELETE /os-server-groups/${b.id}`, { as: 'reader' })).status, 403)
  assert.equal((await api.send(`DELETE /os-server-groups/${a.id}`)).status, 204)
  const gone = await api.send(`DELETE /os-server-groups/${a.id}`)
  assert.equal(message(gone.body), `Instance group ${a.id} could not be found.`)
  assert.equal((await api.send('GET /os-server-groups?nope=1', { at: '2.75' })).status, 400)
})

test('a project and a user have as many groups as their quotas say', async (t) => {
  const api = await startApi(t)
  await makeGroup(api, 'first')
  const limit = (user: string, groups: number) =>
    api.send(`PUT /os-quota-sets/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa${user}`, {
      as: 'admin',
      body: { quota_set: { server_groups: groups } },
    })
  const body = { server_group: { name: 'g', policies: ['affinity'] } }
  assert.equal((await limit('?user_id=demo-user', 1)).status, 200)
  const refused = await api.send('POST /os-server-groups', { body })
  assert.equal(refused.status, 403)
  assert.equal(message(refused.body), 'Quota exceeded, too many server groups.')
  await limit('?user_id=demo-user', 2)
  assert.equal((await api.send('POST /os-server-groups', { body })).status, 200)
  await limit('', 2)
  assert.equal((await api.send('POST /os-server-groups', { body })).status, 403)
})

test('members are the servers that are there', async (t) => {
  const api = await startCloud(t)
  const { id } = await makeGroup(api, 'g')
  const join = (server: object = {}) =>
    api.send('POST /servers', {
      body: {
        server: { name: 's', imageRef: IMAGE_ID, flavorRef: '42', ...server },
        'os:scheduler_hints': { group: id },
      },
    })
  const made = await join()
  assert.equal(made.status, 202, made.text)
  const first = (made.body.server as { id: string }).id
  const second = ((await join()).body.server as { id: string }).id
  const members = async () =>
    ((await api.send(`GET /os-server-groups/${id}`)).body.server_group as Group).members
  assert.deepEqual(await members(), [first, second])
  const shown = await api.send(`GET /servers/${first}`, { at: '2.71' })
  assert.deepEqual((shown.body.server as { server_groups: string[] }).server_groups, [id])
  const most = { quota_set: { server_group_members: 3 } }
  await api.send('PUT /os-quota-sets/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', { as: 'admin', body: most })
  const crowd = await join({ min_count: 2 })
  assert.equal(message(crowd.body), 'Quota exceeded, too many servers in group')
  assert.equal(crowd.status, 403)

  await api.db
    .typed<NovaDb>()
    .updateTable('instances')
    .set({ deleted: 1 })
    .where('uuid', '=', second)
    .execute()
  assert.deepEqual(await members(), [first])
})
