/** Placement's stories on every database: what is taken is never more than there is, and nobody's write is lost. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, suite, test } from 'node:test'
import { sql } from 'kysely'
import { openDatabase } from '#db/kit/index.ts'
import { PLACEMENT_MIGRATIONS } from '#placement/index.ts'
import { claimBody, type Fixture, makeProvider, startPlacement } from '../placement-fixture.ts'
import { openStores } from './db.ts'

const stores = await openStores({ placement: PLACEMENT_MIGRATIONS })

/** Sums of allocations that `used` of their inventory does not agree with: there are none, ever. */
async function disagreements({ db }: Pick<Fixture, 'db'>): Promise<unknown[]> {
  const { rows } = await sql`
    select i.provider_id, i.resource_class, i.used, coalesce(sum(a.used), 0) as taken
    from placement_inventories i
    left join placement_allocations a on a.provider_id = i.provider_id and a.resource_class = i.resource_class
    group by i.provider_id, i.resource_class, i.used having i.used <> coalesce(sum(a.used), 0)`.execute(
    db.typed(),
  )
  return rows
}

for (const store of stores) {
  suite(`Placement on ${store.name}`, async () => {
    const fixture = await startPlacement(store.database)
    const { ask } = fixture
    after(() => fixture.close())

    const usages = async (provider: string) =>
      (await ask('GET', `/resource_providers/${provider}/usages`)).body.usages
    const generation = async (provider: string): Promise<number> =>
      (await ask('GET', `/resource_providers/${provider}`)).body.generation
    const claim = (
      consumer: string,
      provider: string,
      resources: Record<string, number>,
      more: object = {},
    ) => ask('PUT', `/allocations/${consumer}`, claimBody(provider, resources, more))

    test('inventories, claims and releases keep the sums', async () => {
      const provider = await makeProvider(ask, {
        VCPU: 4,
        MEMORY_MB: { total: 100, reserved: 20, allocation_ratio: 1.5 },
      })
      const [one, two] = [randomUUID(), randomUUID()]
      assert.equal((await claim(one, provider, { VCPU: 3, MEMORY_MB: 60 })).status, 204)
      assert.equal((await claim(two, provider, { VCPU: 2 })).status, 409)
      assert.deepEqual(await usages(provider), { VCPU: 3, MEMORY_MB: 60 })
      assert.equal((await claim(two, provider, { VCPU: 1, MEMORY_MB: 60 })).status, 204)
      assert.equal((await claim(randomUUID(), provider, { MEMORY_MB: 1 })).status, 409)
      assert.equal((await claim(two, provider, { MEMORY_MB: 10 }, { consumer_generation: 1 })).status, 204)
      assert.deepEqual(await usages(provider), { VCPU: 3, MEMORY_MB: 70 })
      assert.equal((await ask('DELETE', `/allocations/${one}`)).status, 204)
      assert.equal((await ask('DELETE', `/allocations/${one}`)).status, 404)
      assert.equal((await claim(two, provider, {}, { allocations: {}, consumer_generation: 2 })).status, 204)
      assert.deepEqual(await usages(provider), { VCPU: 0, MEMORY_MB: 0 })
      assert.deepEqual((await ask('GET', `/allocations/${two}`)).body, { allocations: {} })
      assert.deepEqual(await disagreements(fixture), [])
    })

    test('units, steps, and classes that are not there are refused', async () => {
      const provider = await makeProvider(ask, {
        VCPU: { total: 64, min_unit: 2, max_unit: 8, step_size: 2 },
      })
      const tried = async (resources: Record<string, number>) =>
        (await claim(randomUUID(), provider, resources)).status
      assert.deepEqual(
        [
          await tried({ VCPU: 1 }),
          await tried({ VCPU: 3 }),
          await tried({ VCPU: 10 }),
          await tried({ DISK_GB: 1 }),
        ],
        [409, 409, 409, 409],
      )
      assert.deepEqual([await tried({ CUSTOM_NOT_MADE: 1 }), await tried({ VCPU: 8 })], [400, 204])
      assert.equal((await claim(randomUUID(), randomUUID(), { VCPU: 2 })).status, 400)
    })

    test('who writes against an old generation is told so, and nothing is written', async () => {
      const provider = await makeProvider(ask, { VCPU: 4 })
      const path = `/resource_providers/${provider}`
      const old = (await generation(provider)) - 1
      const writes = [
        ['inventories', { inventories: { VCPU: { total: 9 } } }],
        ['inventories/VCPU', { total: 9 }],
        ['traits', { traits: ['COMPUTE_NODE'] }],
        ['aggregates', { aggregates: [randomUUID()] }],
      ] as const
      for (const [what, body] of writes) {
        const { status, body: answer } = await ask('PUT', `${path}/${what}`, {
          ...body,
          resource_provider_generation: old,
        })
        assert.deepEqual([what, status, answer.errors[0].code], [what, 409, 'placement.concurrent_update'])
      }
      assert.equal(await generation(provider), old + 1)
      const consumer = randomUUID()
      const generations = [7, null, null, 7, 1]
      const statuses = []
      for (const each of generations)
        statuses.push((await claim(consumer, provider, { VCPU: 1 }, { consumer_generation: each })).status)
      assert.deepEqual(statuses, [409, 204, 409, 409, 204])
      assert.deepEqual(await usages(provider), { VCPU: 1 })
    })

    test('what is used cannot be taken away, and what shrank is only not given any more', async () => {
      const provider = await makeProvider(ask, { VCPU: 8, DISK_GB: 10 })
      const path = `/resource_providers/${provider}`
      const consumer = randomUUID()
      await claim(consumer, provider, { VCPU: 6 })
      const put = async (inventories: object) =>
        ask('PUT', `${path}/inventories`, {
          inventories,
          resource_provider_generation: await generation(provider),
        })
      const refused = await put({ DISK_GB: { total: 10 } })
      assert.deepEqual([refused.status, refused.body.errors[0].code], [409, 'placement.inventory.inuse'])
      assert.match(refused.body.errors[0].detail, /Inventory for 'VCPU' on resource provider '.*' in use/)
      assert.equal((await ask('DELETE', `${path}/inventories/VCPU`)).status, 409)
      assert.equal((await ask('DELETE', path)).body.errors[0].code, 'placement.resource_provider.inuse')
      assert.equal((await put({ VCPU: { total: 4 } })).status, 200)
      assert.equal((await claim(randomUUID(), provider, { VCPU: 1 })).status, 409)
      assert.equal((await claim(consumer, provider, { VCPU: 5 }, { consumer_generation: 1 })).status, 204)
      assert.equal((await ask('DELETE', `/allocations/${consumer}`)).status, 204)
      assert.equal((await ask('DELETE', `${path}/inventories`)).status, 204)
      assert.equal((await ask('DELETE', path)).status, 204)
      assert.equal((await ask('GET', path)).status, 404)
    })

    test('several consumers at once: all or none', async () => {
      const [from, to] = [await makeProvider(ask, { VCPU: 4 }), await makeProvider(ask, { VCPU: 4 })]
      const [server, migration] = [randomUUID(), randomUUID()]
      await claim(server, from, { VCPU: 4 })
      const swap = (amount: number) =>
        ask('POST', '/allocations', {
          [migration]: claimBody(from, { VCPU: 4 }, { consumer_type: 'MIGRATION' }),
          [server]: claimBody(to, { VCPU: amount }, { consumer_generation: 1 }),
        })
      assert.equal((await swap(5)).status, 409)
      assert.deepEqual([await usages(from), await usages(to)], [{ VCPU: 4 }, { VCPU: 0 }])
      assert.deepEqual((await ask('GET', `/allocations/${migration}`)).body.allocations, {})
      assert.equal((await swap(4)).status, 204)
      const on = (await ask('GET', `/resource_providers/${from}/allocations`)).body.allocations
      assert.deepEqual(on, { [migration]: { resources: { VCPU: 4 }, consumer_generation: 1 } })
      assert.deepEqual(await disagreements(fixture), [])
    })

    test('the reshaper moves inventory and what is taken of it together', async () => {
      const root = await makeProvider(ask, { VCPU: 4, VGPU: 2 })
      const child = await makeProvider(ask, {}, { parent: root })
      const consumer = randomUUID()
      await claim(consumer, root, { VCPU: 1, VGPU: 2 })
      const moved = claimBody(root, { VCPU: 1 }, { consumer_generation: 1 })
      const reshape = async (onChild: number) =>
        ask(
          'POST',
          '/reshaper',
          {
            inventories: {
              [root]: {
                resource_provider_generation: await generation(root),
                inventories: { VCPU: { total: 4 } },
              },
              [child]: {
                resource_provider_generation: await generation(child),
                inventories: { VGPU: { total: onChild } },
              },
            },
            allocations: {
              [consumer]: {
                ...moved,
                allocations: { ...moved.allocations, [child]: { resources: { VGPU: 2 } } },
              },
            },
          },
          { token: 'service' },
        )
      assert.equal((await reshape(1)).status, 409)
      assert.deepEqual(await usages(root), { VCPU: 1, VGPU: 2 })
      assert.equal((await reshape(2)).status, 204)
      assert.deepEqual([await usages(root), await usages(child)], [{ VCPU: 1 }, { VGPU: 2 }])
      assert.deepEqual(await disagreements(fixture), [])
    })

    test('trees: moved whole, without loops, found by any member', async () => {
      const [a, b] = [await makeProvider(ask, {}), await makeProvider(ask, {})]
      const child = await makeProvider(ask, {}, { parent: a })
      const grandchild = await makeProvider(ask, {}, { parent: child })
      const move = async (uuid: string, parent: string | null, version = '1.39') =>
        ask(
          'PUT',
          `/resource_providers/${uuid}`,
          { name: `moved-${uuid}`, parent_provider_uuid: parent },
          { version },
        )
      assert.equal((await move(child, b, '1.36')).status, 400)
      assert.equal((await move(child, grandchild)).status, 400)
      assert.equal((await move(child, child)).status, 400)
      assert.equal((await move(child, randomUUID())).status, 400)
      assert.equal((await move(child, b)).status, 200)
      const tree = (await ask('GET', `/resource_providers?in_tree=${grandchild}`)).body.resource_providers
      assert.deepEqual(tree.map((each: { uuid: string }) => each.uuid).sort(), [b, child, grandchild].sort())
      const shown = (await ask('GET', `/resource_providers/${grandchild}`)).body
      assert.deepEqual([shown.parent_provider_uuid, shown.root_provider_uuid], [child, b])
      assert.equal(
        (await ask('DELETE', `/resource_providers/${b}`)).body.errors[0].code,
        'placement.resource_provider.cannot_delete_parent',
      )
      assert.equal((await move(child, null)).body.root_provider_uuid, child)
    })

    test('claims side by side fill every provider and no more', async (t) => {
      const providers = await Promise.all(
        Array.from({ length: 3 }, () => makeProvider(ask, { VCPU: 10, MEMORY_MB: 1000 })),
      )
      const second = store.isShared ? openDatabase(store.url) : undefined
      const other = second && (await startPlacement(second))
      t.after(async () => {
        await other?.close()
        await second?.close()
      })
      const doors = [ask, ...(other ? [other.ask] : [])]
      const claims = Array.from({ length: 60 }, async (_, index) => {
        const door = doors[index % doors.length] ?? ask
        const body = claimBody(providers[index % 3] ?? '', { VCPU: 1, MEMORY_MB: 100 })
        const { status } = await door('PUT', `/allocations/${randomUUID()}`, body)
        return status
      })
      const statuses = await Promise.all(claims)
      assert.deepEqual(
        [statuses.filter((each) => each === 204).length, statuses.filter((each) => each === 409).length],
        [30, 30],
      )
      for (const provider of providers)
        assert.deepEqual(await usages(provider), { VCPU: 10, MEMORY_MB: 1000 })
      assert.deepEqual(await disagreements(fixture), [])
    })

    test('of those who claim for one new consumer at once, one wins', async () => {
      const provider = await makeProvider(ask, { VCPU: 100 })
      const consumer = randomUUID()
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => claim(consumer, provider, { VCPU: 1 })),
      )
      const codes = answers
        .map((each) => (each.status === 204 ? 'done' : String(each.body.errors[0].code)))
        .sort()
      assert.deepEqual(codes, ['done', ...Array<string>(7).fill('placement.concurrent_update')])
      assert.deepEqual(await usages(provider), { VCPU: 1 })
    })

    test('claims, releases and shrinking inventories side by side: generations only grow, sums agree', async () => {
      const provider = await makeProvider(ask, { VCPU: 6 })
      const path = `/resource_providers/${provider}/inventories`
      const before = await generation(provider)
      const working = Array.from({ length: 5 }, async () => {
        for (let turn = 0; turn < 8; turn++) {
          const consumer = randomUUID()
          const { status } = await claim(consumer, provider, { VCPU: 2 })
          assert.ok(status === 204 || status === 409)
          const current = (await ask('GET', path)).body
          assert.ok(current.resource_provider_generation >= before)
          const resized = await ask('PUT', path, {
            ...current,
            inventories: { VCPU: { total: 4 + (turn % 3) } },
          })
          assert.ok(resized.status === 200 || resized.status === 409)
          if (status === 204) assert.equal((await ask('DELETE', `/allocations/${consumer}`)).status, 204)
        }
      })
      await Promise.all(working)
      assert.deepEqual(await usages(provider), { VCPU: 0 })
      assert.deepEqual(await disagreements(fixture), [])
    })

    test('a query that nobody meets says which constraint left none', async () => {
      const zone = randomUUID()
      await ask('PUT', '/resource_classes/CUSTOM_BRICK')
      const host = await makeProvider(
        ask,
        { CUSTOM_BRICK: { total: 8, max_unit: 4 } },
        { aggregates: [zone], traits: ['COMPUTE_NODE'] },
      )
      const explained = async (query: string) =>
        (await ask('GET', `/kilonova/allocation_candidates/explanation?${query}`)).body
      const brick = (amount: number, more = '') =>
        explained(`resources=CUSTOM_BRICK:${amount}&member_of=${zone}${more}`)
      assert.deepEqual((await brick(4)).emptied_by, null)
      const large = await brick(5)
      const { lacking, trees_before: before, ...emptiedBy } = large.emptied_by
      assert.deepEqual(emptiedBy, { group: '', constraint: 'resources=CUSTOM_BRICK:5', trees: 0 })
      assert.match(lacking, /^has room for 5 CUSTOM_BRICK/)
      assert.equal(before, large.trees)
      assert.match(
        large.sentence,
        /has room for 5 CUSTOM_BRICK \(the largest has 8 of 8 free, and gives at most 4/,
      )
      const picky = await brick(1, '&required=COMPUTE_NODE,!HW_CPU_X86_VMX,HW_CPU_X86_AVX')
      assert.deepEqual(picky.steps.slice(1), [
        { group: '', constraint: `member_of=${zone}`, trees: 1 },
        { group: '', constraint: 'required=COMPUTE_NODE', trees: 1 },
        { group: '', constraint: 'required=HW_CPU_X86_AVX', trees: 0 },
      ])
      assert.match(
        picky.sentence,
        /1 provider tree could meet the rest, but none .* has the trait HW_CPU_X86_AVX/,
      )
      const together = await explained(
        `resources1=CUSTOM_BRICK:2&resources2=CUSTOM_BRICK:2&group_policy=isolate&in_tree1=${host}&in_tree2=${host}`,
      )
      assert.equal(together.emptied_by.constraint, 'group_policy=isolate')
      assert.equal((await explained('resources=CUSTOM_NO_SUCH:1')).errors[0].status, 400)
    })

    test('candidates come of trees, shares, traits and aggregates', async () => {
      const [zone, pool] = [randomUUID(), randomUUID()]
      const host = await makeProvider(
        ask,
        { VCPU: 8 },
        { aggregates: [zone, pool], traits: ['COMPUTE_NODE'] },
      )
      const gpu = await makeProvider(ask, { VGPU: 1 }, { parent: host })
      const disk = await makeProvider(
        ask,
        { DISK_GB: 100 },
        { aggregates: [pool], traits: ['MISC_SHARES_VIA_AGGREGATE'] },
      )
      const local = await makeProvider(ask, { VCPU: 8, DISK_GB: 50 }, { aggregates: [zone] })
      const candidates = async (query: string, version = '1.39') =>
        (
          await ask('GET', `/allocation_candidates?${query}`, undefined, { version })
        ).body.allocation_requests.map((each: { allocations: object }) =>
          Object.keys(each.allocations).sort().join(),
        )
      const together = [host, disk].sort().join()
      assert.deepEqual((await candidates(`resources=VCPU:1,DISK_GB:5&member_of=${zone}`)).sort(), [local])
      assert.deepEqual((await candidates(`resources=VCPU:1,DISK_GB:5&in_tree=${local}`)).sort(), [local])
      assert.ok((await candidates('resources=VCPU:1,DISK_GB:5')).includes(together))
      assert.deepEqual(await candidates(`resources=VCPU:1,VGPU:1&in_tree=${gpu}`), [
        [host, gpu].sort().join(),
      ])
      assert.deepEqual(await candidates('resources=VCPU:1,VGPU:1', '1.28'), [])
      assert.deepEqual(await candidates(`resources=VCPU:1&member_of=${zone}&required=!COMPUTE_NODE`), [local])
      assert.deepEqual(await candidates(`resources=VCPU:9&member_of=${zone}`), [])
      assert.deepEqual((await candidates(`resources=VCPU:1&member_of=${zone}&limit=1`)).length, 1)
      assert.deepEqual(
        await candidates(
          `resources_C=VCPU:1&required_C=COMPUTE_NODE&resources_G=VGPU:1&group_policy=isolate&in_tree_C=${host}`,
        ),
        [[host, gpu].sort().join()],
      )
    })
  })
}
