/** The client against our own Placement over real HTTP. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, suite, test } from 'node:test'
import { openDatabase, type Database } from '#db/kit/index.ts'
import { type Clock, systemClock } from '#lib/clock.ts'
import { isFault } from '#lib/fault.ts'
import { createHttpClient, type HttpClient } from '#lib/http/index.ts'
import { randomIds } from '#lib/ids.ts'
import { silentLog } from '#lib/log.ts'
import { createPlacementApp, type PlacementApp } from '#placement/index.ts'
import { createPlacementClient } from './client.ts'
import type { PlacementClient } from './port.ts'

const inventory = (total: number) => ({
  total,
  reserved: 0,
  minUnit: 1,
  maxUnit: total,
  stepSize: 1,
  allocationRatio: 1,
})

suite('the placement client', () => {
  const sent: string[] = []
  let now = 1_000_000
  let token = 'old'
  let db: Database
  let placement: PlacementApp
  let http: HttpClient
  let client: PlacementClient
  const clock: Clock = { ...systemClock, now: () => now }

  before(async () => {
    db = openDatabase('sqlite://')
    const info = {
      userId: 'nova',
      userDomainId: null,
      projectId: 'service',
      projectDomainId: null,
      domainId: null,
      systemScope: null,
      roles: ['service'],
      expiresAt: Infinity,
    }
    placement = createPlacementApp({
      db,
      identity: { validate: async (text) => (text === 'good' ? info : undefined) },
      log: silentLog,
      ids: randomIds,
      clock,
    })
    await placement.start()
    const url = await placement.app.listen({ host: '127.0.0.1', port: 0 })
    const plain = createHttpClient()
    http = {
      ...plain,
      send(call) {
        sent.push(`${call.method} ${new URL(call.url).pathname}`)
        return plain.send(call)
      },
    }
    client = createPlacementClient({
      http,
      clock,
      session: {
        headers: async () => ({ 'x-auth-token': token }),
        endpoint: async (type, name) => {
          assert.equal(type, 'placement')
          if (name !== 'public') throw new Error(`no ${name} endpoint`)
          return url
        },
        invalidate: () => void (token = 'good'),
      },
    })
  })
  after(async () => {
    await http.close()
    await placement.close()
    await db.close()
  })

  const requests = async (work: () => Promise<unknown>): Promise<string[]> => {
    sent.length = 0
    await work()
    return [...sent]
  }
  const provider = (uuid: string, total = 8, traits: readonly string[] = ['COMPUTE_NODE']) => ({
    uuid,
    name: `host-${uuid}`,
    inventories: { VCPU: inventory(total) },
    traits,
  })
  const consumer = () => ({ instanceUuid: randomUUID(), projectId: 'p', userId: 'u' })

  test('renews a refused token once', async () => {
    token = 'old'
    const uuid = randomUUID()
    await client.syncProvider(provider(uuid))
    assert.equal(token, 'good')
    assert.deepEqual(await client.allocationsOn(uuid), {})
  })

  test('syncs only what changed, and looks again after a while', async () => {
    const uuid = randomUUID()
    await client.syncProvider(provider(uuid))
    assert.deepEqual(await requests(() => client.syncProvider(provider(uuid))), [])
    const changed = await requests(() => client.syncProvider(provider(uuid, 16)))
    assert.deepEqual(
      changed.filter((each) => each.startsWith('PUT')),
      [`PUT /resource_providers/${uuid}/inventories`],
    )
    now += 300_000
    const refreshed = await requests(() => client.syncProvider(provider(uuid, 16)))
    assert.deepEqual(
      refreshed.filter((each) => !each.startsWith('GET')),
      [],
    )
    assert.equal(refreshed.length, 3)
  })

  test('makes custom traits, and leaves those that others set', async () => {
    const uuid = randomUUID()
    await client.syncProvider(provider(uuid, 8, ['CUSTOM_FAST']))
    await client.syncProvider(provider(uuid, 8, ['COMPUTE_NODE']))
    assert.deepEqual((await client.traitsOf(uuid)).toSorted(), ['COMPUTE_NODE', 'CUSTOM_FAST'])
    assert.deepEqual(await client.traitsOf(randomUUID()), [])
    const { providers } = await client.candidates({
      resources: { VCPU: 1 },
      requiredTraits: ['CUSTOM_FAST', 'COMPUTE_NODE'],
      forbiddenTraits: ['COMPUTE_STATUS_DISABLED'],
      memberOf: [],
      limit: 10,
    })
    assert.deepEqual(Object.keys(providers), [uuid])
    assert.deepEqual(providers[uuid]?.resources.VCPU, { capacity: 8, used: 0 })
  })

  test('finds by aggregate and by tree', async () => {
    const [inside, outside] = [randomUUID(), randomUUID()]
    const [zone, other] = [randomUUID(), randomUUID()]
    await client.syncProvider(provider(inside))
    await client.syncProvider(provider(outside))
    const third = randomUUID()
    for (const add of [zone, third, zone]) await client.changeAggregates(inside, { add })
    await client.changeAggregates(inside, { remove: third })
    const query = { resources: { VCPU: 1 }, requiredTraits: [], forbiddenTraits: [], limit: 100 }
    const found = async (more: object) => {
      const { candidates } = await client.candidates({ ...query, memberOf: [], ...more })
      return candidates.flatMap((each) => Object.keys(each.allocations))
    }
    assert.deepEqual(await found({ memberOf: [[zone, other]] }), [inside])
    assert.deepEqual(await found({ memberOf: [[other], [zone]] }), [])
    assert.deepEqual(await found({ memberOf: [[third]] }), [])
    assert.equal((await found({ notMemberOf: [zone, other] })).includes(inside), false)
    assert.equal((await found({ notMemberOf: [other] })).includes(inside), true)
    assert.deepEqual(await found({ inTree: outside }), [outside])
    const lack = await client.whatIsLacking?.({ ...query, memberOf: [[zone], [other]] })
    assert.equal(lack?.trees, 1)
    assert.equal(lack?.lacking, `is in the aggregate ${other}`)
    assert.equal(await client.whatIsLacking?.({ ...query, memberOf: [[zone]] }), undefined)
    for (const twice of [inside, inside]) await client.removeProvider(twice)
    assert.deepEqual(await found({ memberOf: [[zone]] }), [])
  })

  test('claims in one request, once, and gives back', async () => {
    const uuid = randomUUID()
    await client.syncProvider(provider(uuid, 4))
    const [one, two] = [consumer(), consumer()]
    const wanted = { [uuid]: { resources: { VCPU: 3 } } }
    assert.deepEqual(await requests(() => client.claim(one, wanted)), [
      `PUT /allocations/${one.instanceUuid}`,
    ])
    assert.equal(await client.claim(one, wanted), true)
    assert.deepEqual(await client.allocationsOn(uuid), {
      [one.instanceUuid]: { resources: { VCPU: 3 }, consumer_generation: 1 },
    })
    assert.equal(await client.claim(two, wanted), false)
    await client.release(one.instanceUuid)
    await client.release(one.instanceUuid)
    assert.deepEqual(await client.allocationsOf(one.instanceUuid), {})
    assert.equal(await client.claim(two, wanted), true)
  })

  test('counts what a project holds, by migrations too', async () => {
    const uuid = randomUUID()
    await client.syncProvider(provider(uuid, 4))
    const projectId = randomUUID()
    assert.deepEqual(await client.usagesOf(projectId), {})
    for (const type of [{}, { type: 'MIGRATION' }] as const)
      await client.claim({ ...consumer(), projectId, ...type }, { [uuid]: { resources: { VCPU: 2 } } })
    assert.deepEqual(await client.usagesOf(projectId), { VCPU: 4 })
  })

  test('a claim never takes the place of what the instance holds: it may be a late one', async () => {
    const [from, to] = [randomUUID(), randomUUID()]
    await client.syncProvider(provider(from, 4))
    await client.syncProvider(provider(to, 4))
    const one = consumer()
    const on = (uuid: string) => ({ [uuid]: { resources: { VCPU: 4 } } })
    assert.equal(await client.claim(one, on(from)), true)
    await assert.rejects(client.claim(one, on(to)), (error) => isFault(error, 'conflict'))
    assert.deepEqual(await client.allocationsOf(one.instanceUuid), on(from))
    assert.deepEqual(await client.allocationsOn(to), {})
  })

  test('claims for several in one request: all or none', async () => {
    const uuid = randomUUID()
    await client.syncProvider(provider(uuid, 5))
    const claimOf = (amount: number, who = consumer()) => ({
      consumer: who,
      allocations: { [uuid]: { resources: { VCPU: amount } } },
    })
    const both = [claimOf(1), claimOf(2)]
    const sentFor = await requests(async () => assert.equal(await client.claimAll(both), true))
    assert.deepEqual(sentFor, ['POST /allocations'])
    assert.equal(await client.claimAll([claimOf(1), claimOf(2)]), false, 'there is room for one of them only')
    assert.equal(await client.claimAll(both), false, 'they hold something')
    const held = await client.allocationsOn(uuid)
    assert.deepEqual(
      new Map(Object.entries(held).map(([who, { resources }]) => [who, resources])),
      new Map(both.map(({ consumer: { instanceUuid } }, at) => [instanceUuid, { VCPU: at + 1 }])),
    )
  })

  test('many claims at once fill a provider and no more', async () => {
    const uuid = randomUUID()
    await client.syncProvider(provider(uuid, 5))
    const claims = Array.from({ length: 12 }, () =>
      client.claim(consumer(), { [uuid]: { resources: { VCPU: 1 } } }),
    )
    const taken = (await Promise.all(claims)).filter(Boolean)
    assert.equal(taken.length, 5)
    assert.equal(Object.keys(await client.allocationsOn(uuid)).length, 5)
  })

  test('says so when a name is taken, and when Placement is away', async () => {
    const first = provider(randomUUID())
    await client.syncProvider(first)
    await assert.rejects(client.syncProvider({ ...first, uuid: randomUUID() }), (error) =>
      isFault(error, 'conflict'),
    )
    const lost = createPlacementClient({
      http,
      clock,
      endpointOverride: 'http://127.0.0.1:1',
      session: { headers: async () => ({}), endpoint: async () => '', invalidate() {} },
    })
    await assert.rejects(lost.allocationsOf(randomUUID()), (error) => isFault(error, 'unavailable'))
  })
})
