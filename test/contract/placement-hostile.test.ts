/**
 * What is asked of Placement to wear it out: huge queries, bodies, urls, trees. It is answered with what was
 * found within its bounds, or a fitting 4xx, and never for more than a second of CPU.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { openDatabase } from '#db/kit/index.ts'
import { PLACEMENT_MIGRATIONS } from '#placement/index.ts'
import { fill } from '../../bench/placement/fill.ts'
import {
  type Ask,
  claimBody,
  type Fixture,
  makeProvider,
  type Reply,
  startPlacement,
} from '../placement-fixture.ts'
import { openStores } from './db.ts'

const MOST_CPU_MS = 1_000

const stores = (await openStores({ placement: PLACEMENT_MIGRATIONS })).filter(
  ({ name }) => name !== 'SQLite in a file',
)

/** Asks, and sees what it cost; the first time is for the compiler. */
async function costly(ask: () => Promise<Reply>, what: string): Promise<Reply> {
  await ask()
  const began = process.cpuUsage()
  const reply = await ask()
  const { user, system } = process.cpuUsage(began)
  const ms = (user + system) / 1_000
  assert.ok(ms < MOST_CPU_MS, `${what}: ${ms} ms of CPU`)
  return reply
}

const groups = (count: number, each: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => each(at + 1)).join('&')
const suffixes = (count: number): string => Array.from({ length: count }, (_, at) => `_${at + 1}`).join()

const QUERIES: Readonly<Record<string, string>> = {
  'no limit': 'resources=VCPU:1,MEMORY_MB:1,DISK_GB:1',
  'a limit beyond all numbers': 'resources=VCPU:1&limit=99999999999999999999999',
  '1,000 groups': `${groups(1_000, (at) => `resources${at}=VCPU:1`)}&group_policy=none`,
  '1,000 groups, each alone': `${groups(1_000, (at) => `resources${at}=VCPU:1`)}&group_policy=isolate`,
  '300 groups with conditions': `${groups(300, (at) => `resources${at}=VCPU:1&required${at}=COMPUTE_NODE,!CUSTOM_X`)}&group_policy=none`,
  'more groups than devices': `${groups(9, (at) => `resources${at}=CUSTOM_VF:1`)}&group_policy=isolate`,
  'all ways of eight devices': `${groups(8, (at) => `resources${at}=CUSTOM_VF:1`)}&group_policy=isolate`,
  'all ways of a hundred groups': `${groups(100, (at) => `resources${at}=CUSTOM_VF:1`)}&group_policy=none`,
  'a subtree of twenty': `${groups(20, (at) => `resources_${at}=CUSTOM_VF:1`)}&group_policy=none&same_subtree=${suffixes(20)}`,
  'two hundred subtrees': `${groups(20, (at) => `resources_${at}=VCPU:1`)}&group_policy=none&${groups(200, () => `same_subtree=${suffixes(20)}`)}`,
  'the same traits 700 times': `resources=VCPU:1&${groups(700, () => 'required=in:COMPUTE_NODE,HW_CPU_X86_VMX')}`,
}

suite('hostile queries of a fleet', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kilonova-hostile-'))
  const url = `sqlite://${join(dir, 'placement.sqlite')}`
  const database = openDatabase(url)
  let placement: Fixture
  before(async () => {
    await fill(url, { hosts: 1_000, children: 8, isUsed: false })
    placement = await startPlacement(database)
    await placement.ask('PUT', '/traits/CUSTOM_X')
  })
  after(async () => {
    await placement.close()
    await database.close()
    rmSync(dir, { recursive: true })
  })

  for (const [what, query] of Object.entries(QUERIES)) {
    test(what, async () => {
      for (const path of ['/allocation_candidates', '/kilonova/allocation_candidates/explanation']) {
        const { status } = await costly(() => placement.ask('GET', `${path}?${query}`), `${what} ${path}`)
        assert.equal(status, 200)
      }
    })
  }

  test('what leaves none is told however large the fleet is', async () => {
    const explain = async (query: string) =>
      (await placement.ask('GET', `/kilonova/allocation_candidates/explanation?${query}`)).body
    assert.match(
      (await explain('resources=VCPU:100000')).sentence,
      /^none of 1000 provider trees has room for 100000 VCPU/,
    )
    const { emptied_by: alone } = await explain(QUERIES['more groups than devices'] ?? '')
    assert.deepEqual([alone.constraint, alone.trees_before], ['group_policy=isolate', 1_000])
  })
})

/** A chain of providers, each below the one before; some have something to give. */
async function chain(ask: Ask, length: number): Promise<string[]> {
  const uuids: string[] = []
  for (let at = 0; at < length; at++) {
    const parent = uuids.at(-1)
    const inventory = at % 10 === 0 ? { VCPU: 8 } : {}
    uuids.push(await makeProvider(ask, inventory, parent === undefined ? {} : { parent }))
  }
  return uuids
}

for (const store of stores) {
  suite(`hostile requests to Placement on ${store.name}`, async () => {
    const { ask, close } = await startPlacement(store.database)
    after(close)

    test('long urls', async () => {
      const names = Array.from({ length: 10_000 }, (_, at) => `T${at}`)
      const uuids = Array.from({ length: 1_500 }, () => randomUUID())
      for (const query of [
        `required=${names.join()}`,
        `required=in:${names.join()}`,
        `required=${names.map((name) => `!${name}`).join()}`,
        `member_of=in:${uuids.join()}`,
        `member_of=!in:${uuids.join()}`,
        groups(800, () => `member_of=${uuids[0]}`),
        groups(700, (at) => `member_of=in:${uuids[0]},${uuids[at]}`),
        groups(40, (at) => `member_of=in:${uuids[0]},${uuids[at]}`),
        groups(1_500, (at) => `member_of=${uuids[at]}`),
      ]) {
        for (const path of [
          '/resource_providers?',
          '/allocation_candidates?resources=VCPU:1&',
          '/traits?',
          '/usages?',
        ]) {
          const { status } = await costly(
            () => ask('GET', path + query.slice(0, 60_000)),
            `${path}${query.slice(0, 40)}`,
          )
          assert.ok([200, 400].includes(status), `${path}${query.slice(0, 40)}: ${status}`)
        }
      }
      const long = await costly(
        () => ask('GET', `/resource_providers?name=${'x'.repeat(70_000)}`),
        'a long url',
      )
      assert.deepEqual([long.status, long.body.errors[0].title], [414, 'URI Too Long'])
    })

    test('large bodies', async () => {
      const uuid = await makeProvider(ask, { VCPU: 8 })
      const names = Array.from({ length: 60_000 }, (_, at) => `CUSTOM_${at}`)
      const uuids = Array.from({ length: 20_000 }, () => randomUUID())
      const provider = `/resource_providers/${uuid}`
      const generation = { resource_provider_generation: 1 }
      const of = <T>(keys: readonly string[], value: T): Record<string, T> =>
        Object.fromEntries(keys.map((key) => [key, value]))
      const one = { resources: { VCPU: 1 } }
      const consumer = claimBody(uuid, { VCPU: 1 })
      const asks: readonly [string, string, unknown, number[]][] = [
        ['PUT', `${provider}/traits`, { traits: names, ...generation }, [400]],
        [
          'PUT',
          `${provider}/inventories`,
          { inventories: of(names.slice(0, 30_000), { total: 1 }), ...generation },
          [400],
        ],
        ['PUT', `${provider}/aggregates`, { aggregates: uuids.slice(0, 10_000), ...generation }, [200, 409]],
        [
          'PUT',
          `/allocations/${randomUUID()}`,
          { ...consumer, allocations: of(uuids.slice(0, 15_000), one) },
          [400],
        ],
        ['PUT', `/allocations/${randomUUID()}`, claimBody(uuid, of(names.slice(0, 50_000), 1)), [400]],
        ['POST', '/allocations', of(uuids.slice(0, 4_000), consumer), [409]],
        ['POST', '/resource_providers', { name: 'x'.repeat(10_000_000) }, [413]],
      ]
      for (const [method, path, body, statuses] of asks) {
        const reply = await costly(() => ask(method, path, body), `${method} ${path}`)
        assert.ok(
          statuses.includes(reply.status),
          `${method} ${path}: ${reply.status} ${JSON.stringify(reply.body).slice(0, 200)}`,
        )
      }
    })

    test('deep trees', async () => {
      const uuids = await chain(ask, 80)
      const [root = '', deepest = ''] = [uuids[0], uuids.at(-1)]
      const query = `${groups(20, (at) => `resources_${at}=VCPU:1`)}&group_policy=none&same_subtree=${suffixes(20)}`
      for (const each of [query, `${query}&in_tree_1=${deepest}`]) {
        const { status } = await costly(() => ask('GET', `/allocation_candidates?${each}`), 'deep trees')
        assert.equal(status, 200)
      }
      const listed = await costly(() => ask('GET', `/resource_providers?in_tree=${deepest}`), 'a deep list')
      assert.equal(listed.body.resource_providers.length, 80)
      const loop = await costly(
        () => ask('PUT', `/resource_providers/${root}`, { name: 'r', parent_provider_uuid: deepest }),
        'a loop',
      )
      assert.equal(loop.status, 400)
      const moved = uuids[1] ?? ''
      const apart = await ask('PUT', `/resource_providers/${moved}`, {
        name: 'm',
        parent_provider_uuid: null,
      })
      assert.equal(apart.body.root_provider_uuid, moved)
      const { root_provider_uuid: of } = (await ask('GET', `/resource_providers/${deepest}`)).body
      assert.equal(of, moved)
    })
  })
}
