/** Tokens at the door: a service's beside the caller's, ended ones, and those that are bound to a few requests. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { AccessRule, Identity, TokenInfo } from '#neighbours/identity/port.ts'
import { startApi, TOKENS } from './compute-api.ts'

const RULES: readonly AccessRule[] = [
  { service: 'compute', method: 'GET', path: '/v2.1/servers' },
  { service: 'compute', method: 'GET', path: '/v2.1/flavors/*' },
  { service: 'compute', method: 'GET', path: '/v2.1/{project}/os-keypairs/**' },
  { service: 'image', method: 'GET', path: '/v2.1/limits' },
]

const demo = TOKENS['demo'] as TokenInfo
const MORE: Readonly<Record<string, TokenInfo>> = {
  bound: { ...demo, accessRules: RULES },
  other: { ...demo, userId: 'service-without-role' },
}

/** `ended` is a token past its end: good only for whom it may be. */
const identity: Identity = {
  validate: async (token, { allowExpired = false } = {}) =>
    token === 'ended' ? (allowExpired ? demo : undefined) : (MORE[token] ?? TOKENS[token]),
}

async function door(t: TestContext, serviceTokens?: { roles: readonly string[]; required: boolean }) {
  const { send } = await startApi(t, { ...(serviceTokens && { serviceTokens }) }, { identity })
  return async (as: string, path = '/servers', service?: string): Promise<number> =>
    (
      await send(`GET ${path}`, {
        as,
        ...(service !== undefined && { headers: { 'x-service-token': service } }),
      })
    ).status
}

test('a service may go on with an ended token; a service token must be good, and of a role where that is asked', async (t) => {
  const lenient = await door(t)
  assert.equal(await lenient('demo', '/servers', 'service'), 200)
  assert.equal(await lenient('demo', '/servers', 'unknown'), 401)
  assert.equal(await lenient('demo', '/servers', 'other'), 200)
  assert.equal(await lenient('ended'), 401)
  assert.equal(await lenient('ended', '/servers', 'service'), 200)
  assert.equal(await lenient('ended', '/servers', 'other'), 401)

  const strict = await door(t, { roles: ['service', 'robot'], required: true })
  assert.equal(await strict('demo', '/servers', 'other'), 401)
  assert.equal(await strict('demo', '/servers', 'service'), 200)
  const others = await door(t, { roles: ['robot'], required: false })
  assert.equal(await others('ended', '/servers', 'service'), 401)
})

test('a token that is bound to some requests is good for those alone, unless a service goes on with it', async (t) => {
  const ask = await door(t)
  const project = demo.projectId
  for (const [path, status] of [
    ['/servers?limit=1', 200],
    ['/servers/detail', 401],
    ['/flavors/detail', 200],
    ['/flavors', 401],
    ['/flavors/a/os-extra_specs', 401],
    [`/${project}/os-keypairs/a`, 404],
    ['/os-keypairs/a', 401],
    ['/limits', 401],
  ] as const)
    assert.equal(await ask('bound', path), status, path)
  assert.equal(await ask('bound', '/limits', 'service'), 200)
})
