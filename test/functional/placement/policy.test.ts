/** Who may: each route for each kind of caller, by the defaults, by an operator's file, and with nobody checking. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, suite, test } from 'node:test'
import { createPolicy, placementRules } from '#policy/index.ts'
import { startPlacement } from '../../placement-fixture.ts'
import { PLAIN, setStage } from './route-asks.ts'
import { ROUTES } from './route-table.ts'

/** By kind of caller the rules that let it in; all others do not. */
const MAY: Readonly<Record<string, (rule: string) => boolean>> = {
  admin: (rule) => rule !== 'placement:reshaper:reshape',
  'admin elsewhere': (rule) => rule !== 'placement:reshaper:reshape',
  service: () => true,
  // Of their own project only, which the plain request is not about.
  reader: () => false,
  member: () => false,
  manager: () => false,
  nobody: () => false,
  'system admin': () => false,
  'domain admin': () => false,
  unscoped: () => false,
}

suite('who may do what in Placement', async () => {
  const { ask, close } = await startPlacement()
  after(close)
  const stage = await setStage(ask)

  for (const [caller, may] of Object.entries(MAY)) {
    test(`${caller}: each route`, async () => {
      for (const { route, rule } of ROUTES) {
        const make = PLAIN[route]
        assert.ok(make)
        const [path, body] = await make(stage, 39)
        const { status, body: said } = await ask(route.split(' ')[0] ?? '', path, body, { token: caller })
        const what = `${route} for ${caller}: ${status} ${JSON.stringify(said)}`
        if (rule === null || may(rule)) assert.ok(status < 300, what)
        else {
          assert.equal(status, 403, what)
          assert.match(said.errors[0].detail, new RegExp(`${rule} `), what)
        }
      }
    })
  }

  test('without a token that is known: 401, but for the version document', async () => {
    for (const token of [null, 'forged', '', 'admin:project']) {
      for (const { route, rule } of ROUTES) {
        const make = PLAIN[route]
        assert.ok(make)
        const [path, body] = await make(stage, 39)
        const { status, headers } = await ask(route.split(' ')[0] ?? '', path, body, { token })
        assert.equal(status, rule === null ? 200 : 401, `${route} with ${token}`)
        if (status === 401) assert.equal(headers['www-authenticate'], 'Keystone')
      }
    }
  })

  test('readers see the usage of their own project, by whatever name they ask for another', async () => {
    const status = async (token: string, query: string) =>
      (await ask('GET', `/usages?${query}`, undefined, { token })).status
    for (const token of ['reader', 'member', 'manager'])
      assert.deepEqual(
        [await status(token, 'project_id=p1'), await status(token, 'project_id=p2')],
        [200, 403],
        token,
      )
    assert.equal(await status('reader elsewhere', 'project_id=p1'), 403)
    assert.equal(await status('nobody', 'project_id=p1'), 403)
    // The project that is asked about is the one that is answered about.
    assert.equal(await status('reader', 'project_id=p1&project_id=p2'), 403)
    assert.equal(await status('reader', 'project_id=p2&project_id=p1'), 200)
    assert.equal(await status('reader', 'project_id='), 403)
    assert.equal(await status('reader', 'x=1'), 403)
  })

  test('a denied write has written nothing', async () => {
    const before = (await ask('GET', `/resource_providers/${stage.host}/inventories`)).body
    for (const token of ['reader', 'nobody', 'system admin']) {
      await ask('DELETE', `/resource_providers/${stage.host}/inventories/DISK_GB`, undefined, { token })
      await ask('DELETE', `/allocations/${stage.consumer}`, undefined, { token })
    }
    assert.deepEqual((await ask('GET', `/resource_providers/${stage.host}/inventories`)).body, before)
    const kept = (await ask('GET', `/allocations/${stage.consumer}`)).body
    assert.equal(Object.keys(kept.allocations).length, 1)
  })
})

suite('who may by an operator’s file', async () => {
  const overriding = (overrides: Readonly<Record<string, string>>, enforceNewDefaults = true) => {
    const policy = createPolicy({ rules: placementRules, enforceScope: true, enforceNewDefaults, overrides })
    return startPlacement(undefined, {
      policy: (rule, context, { projectId }) => policy.allows(rule, context, { project_id: projectId }),
    })
  }

  test('each rule can be given to others and taken from everyone', async () => {
    const rules = ROUTES.flatMap(({ rule }) => rule ?? [])
    const opened = await overriding(Object.fromEntries(rules.map((rule) => [rule, 'role:reader'])))
    const shut = await overriding(Object.fromEntries(rules.map((rule) => [rule, '!'])))
    after(async () => {
      await opened.close()
      await shut.close()
    })
    for (const { route, rule } of ROUTES) {
      if (rule === null) continue
      const [method = '', path = ''] = route.split(' ')
      const url = path.replaceAll(/\{\w*uuid\}/g, randomUUID()).replaceAll(/\{\w+\}/g, 'CUSTOM_X')
      const of = async (asker: typeof opened, token: string) =>
        (await asker.ask(method, url, {}, { token })).status
      assert.notEqual(await of(opened, 'reader'), 403, route)
      assert.equal(await of(opened, 'admin'), 403, route)
      assert.equal(await of(shut, 'service'), 403, route)
    }
  })

  test('as long as new defaults are not enforced, an admin may reshape', async () => {
    const { ask, close } = await overriding({}, false)
    after(close)
    const body = { inventories: {}, allocations: {} }
    assert.notEqual((await ask('POST', '/reshaper', body, { token: 'admin' })).status, 403)
    assert.equal((await ask('POST', '/reshaper', body, { token: 'reader' })).status, 403)
  })
})

suite('callers taken at their word', async () => {
  test('only when that is configured', async () => {
    const { ask, close } = await startPlacement(undefined, { identity: 'noauth2' })
    after(close)
    const status = async (token: string | null, headers = {}) =>
      (await ask('GET', '/traits', undefined, { token, headers })).status
    assert.deepEqual(
      [
        await status('admin:project'),
        await status('someone:project'),
        await status(null),
        await status('someone:project', { 'x-roles': 'service' }),
      ],
      [200, 403, 401, 200],
    )
    const checked = await startPlacement()
    after(checked.close)
    const roles = { headers: { 'x-roles': 'admin' } }
    assert.equal(
      (await checked.ask('GET', '/traits', undefined, { token: 'admin:project', ...roles })).status,
      401,
    )
    assert.equal((await checked.ask('GET', '/traits', undefined, { token: 'reader', ...roles })).status, 403)
  })
})
