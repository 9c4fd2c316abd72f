/** Quotas and limits over HTTP: what is told and to whom, what may be set, and that servers heed it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { activeServer, ask, askOk, assertFault, assertForbidden, usersOfOneCloud } from './ask.ts'

describe('quotas', () => {
  const users = usersOfOneCloud()

  test('limits tell what a project may have and has', async () => {
    const { demo, admin, reader, alt } = users
    await activeServer(demo)
    const { rate, absolute } = (await askOk(demo, 'GET /limits')).limits
    assert.deepEqual(rate, [])
    assert.deepEqual(
      [
        absolute.maxTotalInstances,
        absolute.totalInstancesUsed,
        absolute.totalCoresUsed,
        absolute.totalRAMUsed,
      ],
      [10, 1, 1, 128],
    )
    assert.deepEqual((await askOk(reader, 'GET /limits')).limits.absolute, absolute)
    assert.equal((await askOk(alt, 'GET /limits')).limits.absolute.totalInstancesUsed, 0)
    const ofDemo = `GET /limits?tenant_id=${demo.projectId}`
    assertForbidden(await ask(alt, ofDemo))
    assert.deepEqual((await askOk(admin, ofDemo)).limits.absolute, absolute)
    assertFault(await ask(demo, 'GET /limits?nope=1', { at: '2.75' }), 400)
  })

  test('quota sets are told to the project and to admins, and set by admins', async () => {
    const { demo, admin, reader, alt } = users
    const path = `/os-quota-sets/${demo.projectId}`
    const shown = (await askOk(demo, `GET ${path}`)).quota_set
    assert.deepEqual([shown.id, shown.instances, shown.cores, shown.ram], [demo.projectId, 10, 20, 51_200])
    assert.deepEqual((await askOk(reader, `GET ${path}`)).quota_set, shown)
    for (const route of [`GET ${path}`, `GET ${path}/detail`]) assertForbidden(await ask(alt, route))
    assert.equal((await ask(alt, `GET ${path}/defaults`)).status, 200)
    const body = { quota_set: { cores: 5 } }
    for (const who of [demo, reader, alt]) assertForbidden(await ask(who, `PUT ${path}`, { body }))
    for (const who of [demo, reader]) assertForbidden(await ask(who, `DELETE ${path}`))

    assert.equal((await askOk(admin, `PUT ${path}`, { body })).quota_set.cores, 5)
    const detail = (await askOk(demo, `GET ${path}/detail`)).quota_set
    assert.deepEqual(detail.cores, { limit: 5, in_use: 1, reserved: 0 })
    assert.equal((await askOk(admin, `GET ${path}/defaults`)).quota_set.cores, 20)
    assert.equal((await ask(admin, `DELETE ${path}`)).status, 202)
    assert.equal((await askOk(demo, `GET ${path}`)).quota_set.cores, 20)
  })

  test('limits are refused that are none, or that could not hold', async () => {
    const { demo, admin } = users
    const path = `PUT /os-quota-sets/${demo.projectId}`
    const refused: [object, string | RegExp, string?][] = [
      [{ instances: 'many' }, /'many' does not match/],
      [{ instances: -2 }, /-2 is less than the minimum of -1$/],
      [{ instances: 2_147_483_648 }, /is greater than the maximum of 2147483647$/],
      [{ nope: 1 }, /Additional properties are not allowed \('nope' was unexpected\)$/],
      [{ fixed_ips: 1 }, /'fixed_ips' was unexpected/, '2.36'],
      [{ injected_files: 1 }, /'injected_files' was unexpected/, '2.57'],
      [
        { instances: 0 },
        'Quota limit 0 for instances must be greater than or equal to already used and reserved 1.',
      ],
    ]
    for (const [quotas, message, at = '2.104'] of refused)
      assertFault(await ask(admin, path, { at, body: { quota_set: quotas } }), 400, message)
    const forced = { quota_set: { instances: 0, force: 'True' } }
    assert.equal((await askOk(admin, path, { body: forced })).quota_set.instances, 0)
    assert.equal(
      (await askOk(admin, path, { body: { quota_set: { instances: '-1' } } })).quota_set.instances,
      -1,
    )
    await askOk(admin, `DELETE /os-quota-sets/${demo.projectId}`)
  })

  test('a project that is none has no quota', async () => {
    const { admin } = users
    const body = { quota_set: { cores: 5 } }
    for (const route of ['GET /os-quota-sets/nobody', 'GET /os-quota-sets/nobody/detail'])
      assertFault(await ask(admin, route), 400, 'Project ID nobody is not a valid project.')
    assertFault(await ask(admin, 'PUT /os-quota-sets/nobody', { body }), 400)
  })

  test("a user's limit lies within what its project has left", async () => {
    const { alt, admin } = users
    const path = `/os-quota-sets/${alt.projectId}`
    const set = (quotas: object, user = '') =>
      ask(admin, `PUT ${path}${user && `?user_id=${user}`}`, { body: { quota_set: quotas } })
    assert.equal((await set({ cores: 15 }, 'one')).status, 200)
    assertFault(
      await set({ cores: 26 }, 'two'),
      400,
      'Quota limit 26 for cores must be less than or equal to 25.',
    )
    assertFault(
      await set({ cores: 14 }),
      400,
      'Quota limit 14 for cores must be greater than or equal to already used and reserved 15.',
    )
    assert.equal((await askOk(admin, `GET ${path}?user_id=one`)).quota_set.cores, 15)
    assert.equal((await askOk(admin, `GET ${path}?user_id=two`)).quota_set.cores, 20)
    assert.equal((await ask(admin, `DELETE ${path}?user_id=one`)).status, 202)
    assert.equal((await askOk(admin, `GET ${path}?user_id=one`)).quota_set.cores, 20)
  })

  test('no more servers than the quota, also of many asked for at once', async () => {
    const { alt, admin } = users
    const path = `PUT /os-quota-sets/${alt.projectId}`
    await askOk(admin, path, { body: { quota_set: { instances: 2 } } })
    const { images } = await alt.ok('image', 'GET', '/images')
    const server = { name: 's', imageRef: images[0].id, flavorRef: '42', networks: 'none' }
    const create = (more: object = {}) =>
      ask(alt, 'POST /servers', { body: { server: { ...server, ...more } } })
    assertFault(
      await create({ min_count: 3 }),
      403,
      'Quota exceeded for instances: Requested 3, but already used 0 of 2 instances',
    )
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => create()))
    assert.deepEqual(
      answers.map(({ status }) => status).sort((a, b) => a - b),
      [202, 202, 403, 403, 403],
    )
    await askOk(admin, path, { body: { quota_set: { instances: -1, metadata_items: 1 } } })
    assertFault(await create({ metadata: { a: '1', b: '2' } }), 403, /[Mm]etadata/)
    assert.equal((await create({ metadata: { a: '1' } })).status, 202)
  })
})
