import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HttpClient, HttpFailure } from '#lib/http/index.ts'
import { createProjects } from './projects.ts'

/** A Keystone that answers these statuses, one a request; undefined is no answer at all. */
function keystone(...statuses: readonly (number | undefined)[]) {
  const left = [...statuses]
  const asked: string[] = []
  let renewed = 0
  const unasked = () => Promise.reject(new Error('not asked here'))
  const http: HttpClient = {
    async send({ url }) {
      asked.push(url)
      const status = left.shift()
      if (status === undefined) throw new HttpFailure('lost')
      return { status, headers: {}, json: undefined, text: '' }
    },
    stream: unasked,
    close: async () => {},
  }
  const session = {
    headers: async () => ({ 'x-auth-token': 'own' }),
    endpoint: unasked,
    invalidate: () => void (renewed += 1),
  }
  const projects = createProjects({ http, authUrl: 'http://keystone', session })
  return { projects, asked, renewals: () => renewed }
}

test('only what Keystone does not find does not exist', async () => {
  for (const [status, exists] of [
    [200, true],
    [404, false],
    [403, true],
    [503, true],
    [undefined, true],
  ] as const)
    assert.equal(await keystone(status).projects.exists('p'), exists, String(status))
})

test('a refused token is renewed, and asked with once more', async () => {
  const { projects, asked, renewals } = keystone(401, 404)
  assert.equal(await projects.exists('a/b'), false)
  assert.deepEqual(asked, Array(2).fill('http://keystone/v3/projects/a%2Fb'))
  assert.equal(renewals(), 1)
})
