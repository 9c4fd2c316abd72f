/** Server groups and aggregates: who may be where, and who is rather where. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Aggregate } from '#model/host/index.ts'
import type { GroupSight } from './request.ts'
import { selectHosts } from './select-hosts.ts'
import { cloudOf, nodeOf, specOf, zoneOf } from './small-cloud.fixture.ts'

const nodes = ['a', 'b', 'c'].map((host) => nodeOf(host))
const context = { requestId: 'req-1', userId: 'user', projectId: 'project', roles: [] }

async function choose(group: GroupSight, instanceUuids: readonly string[] = ['i1'], options: object = {}) {
  const { selector } = cloudOf({ nodes, ...options })
  const { selections, explanation, refusals } = await selectHosts(
    selector,
    { context, spec: specOf(), instanceUuids },
    group,
  )
  return {
    hosts: selections.map(([first]) => first?.host),
    alternates: selections[0] ?? [],
    explanation,
    refusals,
  }
}

const group = (policy: GroupSight['policy'], onHost: Record<string, number>, most = 1): GroupSight => ({
  policy,
  maxServersPerHost: most,
  onHost: new Map(Object.entries(onHost)),
})

suite('server groups', () => {
  test('are kept apart, as many on a host as their rule says', async () => {
    const apart = await choose(group('anti-affinity', { a: 1, b: 1 }))
    assert.deepEqual(apart.hosts, ['c'])
    assert.equal(apart.alternates.length, 1)
    const full = await choose(group('anti-affinity', { a: 2, b: 2, c: 3 }, 2))
    assert.deepEqual(full.hosts, [undefined])
    assert.match(full.explanation, /3 hold as many servers of the group as may be together/)
    const pairs = await choose(group('anti-affinity', {}, 2), ['1', '2', '3', '4', '5', '6'])
    assert.deepEqual(pairs.hosts.map(String).toSorted(), ['a', 'a', 'b', 'b', 'c', 'c'])
  })

  test('are kept together where they are', async () => {
    assert.deepEqual((await choose(group('affinity', { b: 4 }))).hosts, ['b'])
    const first = await choose(group('affinity', {}), ['1', '2', '3'])
    assert.equal(new Set(first.hosts).size, 1)
  })

  test('are rather together, or rather apart, where the policy is soft', async () => {
    const config = { ramWeightMultiplier: 0, cpuWeightMultiplier: 0, diskWeightMultiplier: 0 }
    const { hosts: together } = await choose(group('soft-affinity', { b: 1, c: 2 }), ['1'], { config })
    assert.deepEqual(together, ['c'])
    const apart = await choose(group('soft-anti-affinity', { a: 1, c: 2 }), ['1', '2'], { config })
    assert.equal(apart.hosts[0], 'b')
    const { hosts: full } = await choose(group('soft-anti-affinity', { a: 1, b: 1, c: 1 }), ['1'], { config })
    assert.ok(full[0])
  })
})

const aggregate = (name: string, hosts: readonly string[], metadata: Record<string, string>): Aggregate => ({
  ...zoneOf(name, hosts),
  metadata,
})

suite('aggregates', () => {
  const filtered = async (enabled: string, aggregates: Aggregate[], spec = specOf()) => {
    const { select } = cloudOf({ nodes, aggregates, config: { enabledFilters: [enabled] } })
    const { refusals } = await select(spec)
    return refusals.map(({ host }) => host).toSorted()
  }

  test('have what a flavor asks for', async () => {
    const ssd = aggregate('ssd', ['a', 'b'], { ssd: 'true' })
    const named = specOf({}, { extraSpecs: { 'aggregate_instance_extra_specs:ssd': 'true', 'hw:x': 'y' } })
    assert.deepEqual(await filtered('AggregateInstanceExtraSpecsFilter', [ssd], named), ['c'])
    const bare = specOf({}, { extraSpecs: { ssd: '<or> true <or> maybe' } })
    assert.deepEqual(await filtered('AggregateInstanceExtraSpecsFilter', [ssd], bare), ['c'])
  })

  test('are for their projects, images and numbers of servers', async () => {
    const own = aggregate('own', ['a'], { filter_tenant_id: 'project, other' })
    const foreign = aggregate('foreign', ['b'], { filter_tenant_id2: 'other' })
    assert.deepEqual(await filtered('AggregateMultiTenancyIsolation', [own, foreign]), ['b'])
    const windows = aggregate('windows', ['c'], { os_type: 'windows' })
    const linux = specOf({ imageProperties: { os_type: 'linux' } })
    assert.deepEqual(await filtered('AggregateImagePropertiesIsolation', [windows], linux), ['c'])
    assert.deepEqual(await filtered('AggregateImagePropertiesIsolation', [windows]), [])
    const none = aggregate('none', ['a'], { max_instances_per_host: '0' })
    assert.deepEqual(await filtered('AggregateNumInstancesFilter', [none]), ['a'])
  })

  test('narrow what Placement is asked, when that is configured', async () => {
    const own = aggregate('own', ['a'], { filter_tenant_id1: 'project' })
    const licensed = aggregate('licensed', ['b'], { 'trait:CUSTOM_LICENSED': 'required' })
    const config = { limitTenantsToPlacementAggregate: true, enableIsolatedAggregateFiltering: true }
    const able = nodes.map((node) => ({ ...node, traits: ['CUSTOM_LICENSED'] }))
    const { select, asked } = cloudOf({ nodes: able, aggregates: [own, licensed], config })
    await select(specOf())
    await select(specOf({ projectId: 'other' }, { extraSpecs: { 'trait:CUSTOM_LICENSED': 'required' } }))
    assert.deepEqual(
      asked.map(({ memberOf, notMemberOf }) => [memberOf, notMemberOf]),
      [
        [[['aggregate-own']], ['aggregate-licensed']],
        [[], undefined],
      ],
    )
  })
})
