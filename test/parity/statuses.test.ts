/** Every route of Nova's at each version at which it comes, is there, ends or is gone, by live requests. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiRoutes } from '#api/index.ts'
import { formatVersion, readVersion, versionOf } from '#lib/versioned/index.ts'
import { likelyPath } from '../asks/paths.ts'
import { startGround } from '../asks/things.ts'
import { testServices } from '../functional/api/compute-api.ts'
import { type FactRoute, haveFacts, holds, keyOf, routeFacts } from './facts.ts'

const [FIRST, LAST] = [versionOf('2.1'), versionOf('2.104')]
/** `/v2.1` without a slash, which is shown as it is (`test/functional/api/kernel.test.ts`). */
const REDIRECT = 'GET '
const NOT_THERE = 'The resource could not be found.'

/** Both sides of each bound, and the ends. */
function* versionsAround({ min, max }: FactRoute): Generator<number> {
  const [from, to] = [readVersion(min ?? '2.1') ?? FIRST, readVersion(max ?? '2.104') ?? LAST]
  const around = new Set([FIRST, from - 1, from, to, to + 1, LAST])
  for (const version of around) if (version >= FIRST && version <= LAST) yield version
}

/** What an absent, ended or removed route is answered with; undefined where it is there. */
const refusalOf = (fact: FactRoute, version: number): number | undefined =>
  !holds(fact, version) ? 404 : fact.removed?.status

if (haveFacts) {
  test('routes are answered as absent, there, ended or gone', async (t) => {
    const { api, filled, replenish } = await startGround(t)
    await replenish()
    const here = new Set(apiRoutes(testServices()).map(({ operation }) => keyOf(operation)))
    const complaints: string[] = []
    const asked = new Set<string>()
    let requests = 0
    for (const [key, fact] of routeFacts()) {
      if (fact.status === 'redirect' || !here.has(key)) continue
      for (const version of versionsAround(fact)) {
        const at = formatVersion(version)
        const path = filled(likelyPath(fact.path)).replace(/^\/$/, '/')
        const body = fact.action === undefined ? undefined : { [fact.action]: null }
        // A reader is refused most of what is there, and changes nothing.
        const { status, text } = await api.send(`${fact.method} ${path}`, { as: 'outcast', at, body })
        const wanted = refusalOf(fact, version)
        const isNowhere = status === 404 && text.includes(NOT_THERE)
        const isRight = wanted === undefined ? !isNowhere && status !== 410 : status === wanted
        // What the handler of a thing says when there is no such thing may read the same.
        if (!isRight && !(wanted === undefined && SAYS_SO.test(key)))
          complaints.push(`${key} at ${at}: ${status} ${text.slice(0, 120)}`)
        asked.add(key)
        requests += 1
      }
    }
    assert.deepEqual(complaints, [])
    assert.deepEqual(
      [...routeFacts().keys()].filter((key) => !asked.has(key)),
      [REDIRECT],
    )
    t.diagnostic(`${asked.size} routes in ${requests} requests`)
  })
}

/** Things that are unknown in the words in which a route is. */
const SAYS_SO = /^GET \/(versions|extensions)\/\{\}/
