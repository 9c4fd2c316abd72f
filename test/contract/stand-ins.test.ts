/** What Keystone and Glance keep, on every database: what is written is read back, what is taken is refused, pages end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGlance } from '../functional/glance-cloud.ts'
import { bodyOf, CLOUD, passwordOf, projectScope } from '../functional/keystone-cloud.ts'
import { openStores } from './db.ts'

for (const { name, database } of await openStores({})) {
  test(`${name}: Keystone and Glance keep what they are told`, async (t) => {
    const { cloud, call, make, patch } = await startGlance(t, database)
    await cloud.keystone.bootstrap(CLOUD)
    const admin = await cloud.token('admin')
    const first = await cloud.token('demo')

    const user = { user: { name: 'new', password: 'secret', email: 'a@b.c', enabled: true } }
    const made = await cloud.call(admin, 'POST', '/v3/users', user)
    assert.equal(made.status, 201, made.text)
    assert.equal((await cloud.call(admin, 'POST', '/v3/users', user)).status, 409)
    const listed = bodyOf(await cloud.call(admin, 'GET', '/v3/users?name=new&enabled=true')).users
    assert.deepEqual([listed.length, listed[0].email, listed[0].enabled], [1, 'a@b.c', true])
    const project = bodyOf(await cloud.call(admin, 'GET', '/v3/projects?name=alt')).projects[0].id
    const role = bodyOf(await cloud.call(admin, 'GET', '/v3/roles?name=member')).roles[0].id
    const grant = `/v3/projects/${project}/users/${listed[0].id}/roles/${role}`
    for (const method of ['PUT', 'PUT', 'HEAD', 'DELETE'])
      assert.equal((await cloud.call(admin, method, grant)).status, 204, method)
    assert.equal((await cloud.call(admin, 'DELETE', grant)).status, 404)
    assert.equal((await cloud.auth(passwordOf('new', 'secret'), projectScope('alt'))).status, 401)
    assert.equal((await cloud.call(admin, 'DELETE', `/v3/users/${listed[0].id}`)).status, 204)
    for (let time = 0; time < 2; time += 1) {
      const status = (
        await cloud.call(admin, 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': first })
      ).status
      assert.equal(status, time === 0 ? 204 : 404)
    }

    const token = await cloud.token('demo')
    const ids = await Promise.all(
      [1, 2, 3].map((min_disk) =>
        make(token, { name: 'i', min_disk, tags: ['a'], own: 'x' }, Buffer.from('data')),
      ),
    )
    const renamed = await patch(token, ids[0]!, [
      { op: 'replace', path: '/name', value: null },
      { op: 'remove', path: '/own' },
    ])
    assert.equal(renamed.status, 200, renamed.text)
    const seen: string[] = []
    let next =
      '/v2/images?limit=1&sort=name:asc,size:desc&tag=a&status=in:active,queued&created_at=gt:2020-01-01T00:00:00Z'
    while (next !== undefined) {
      const page = bodyOf(await call(token, 'GET', next))
      for (const image of page.images) seen.push(image.id)
      next = page.next
    }
    assert.deepEqual([seen[0], [...seen].sort()], [ids[0], [...ids].sort()])
    assert.equal((await call(token, 'DELETE', `/v2/images/${ids[1]!}`)).status, 204)
    assert.equal((await call(token, 'POST', '/v2/images', { id: ids[1] })).status, 409)
    assert.equal(bodyOf(await call(token, 'GET', '/v2/images?own=x')).images.length, 1)
  })
}
