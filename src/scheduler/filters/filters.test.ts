/** Filters that an operator enables: by hints of the request, by what hosts are set aside for, and by how busy they are. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { RequestSpec } from '#contracts/scheduler.ts'
import { cloudOf, type CloudOptions, nodeOf, specOf, zoneOf } from '../small-cloud.fixture.ts'
import { filtersOf } from './index.ts'

const NODES = ['a', 'b', 'c'].map((host, n) => nodeOf(host, { hostIp: `10.0.${n}.7` }))

/** The hosts that may be used, why the others may not, and what a user would be told of them. */
async function asked(filter: string, options: Partial<CloudOptions>, spec: RequestSpec = specOf()) {
  const { enabledFilters = [filter], ...config } = options.config ?? {}
  const cloud = cloudOf({ nodes: NODES, ...options, config: { enabledFilters, ...config } })
  const { selections, refusals, explanation } = await cloud.select(spec)
  return { hosts: (selections[0] ?? []).map(({ host }) => host).toSorted(), refusals, explanation, cloud }
}

const hinted = (schedulerHints: Record<string, unknown>): RequestSpec => specOf({ schedulerHints })

suite('servers that a request names', () => {
  const places = { 's-a': 'a', 's-b': 'b' }
  const near = async (hints: Record<string, unknown>) => {
    const [same, different] = await Promise.all(
      ['SameHostFilter', 'DifferentHostFilter'].map((name) => asked(name, { places }, hinted(hints))),
    )
    return [same?.hosts.join(''), different?.hosts.join('')]
  }

  test('are near, or apart: one or many, known or not', async () => {
    const cases: [Record<string, unknown>, string[]][] = [
      [{}, ['abc', 'abc']],
      [{ same_host: 's-a', different_host: 's-a' }, ['a', 'bc']],
      [{ same_host: ['s-a', 's-b'], different_host: ['s-a', 's-b'] }, ['ab', 'c']],
      [{ same_host: ['s-a', 'gone'], different_host: ['gone'] }, ['a', 'abc']],
      [{ same_host: 'gone', different_host: 'gone' }, ['', 'abc']],
      [{ same_host: [], different_host: '' }, ['abc', 'abc']],
      [{ same_host: 7, different_host: { x: 1 } }, ['abc', 'abc']],
    ]
    for (const [hints, expected] of cases)
      assert.deepEqual(await near(hints), expected, JSON.stringify(hints))
  })

  test('are looked up by one question for a request, and by none when no filter asks', async () => {
    const spec = hinted({ same_host: ['s-a', 's-b'], different_host: ['s-b'] })
    const both = await asked(
      '',
      { places, config: { enabledFilters: ['SameHostFilter', 'DifferentHostFilter'] } },
      spec,
    )
    assert.deepEqual([both.hosts, both.cloud.named], [['a'], [['s-a', 's-b']]])
    assert.deepEqual((await asked('ComputeFilter', { places }, spec)).cloud.named, [])
    assert.deepEqual((await asked('SameHostFilter', { places })).cloud.named, [])
  })

  test('are told of by numbers', async () => {
    const apart = { places: { ...places, 's-c': 'c' } }
    const { explanation } = await asked(
      'DifferentHostFilter',
      apart,
      hinted({ different_host: Object.keys(apart.places) }),
    )
    assert.match(explanation, /of these 3 hold a server that it is to be apart from\.$/)
  })
})

test('hosts are near an address, by a network of any size and family', async () => {
  const nodes = [...NODES, nodeOf('six', { hostIp: 'fd00::7' }), nodeOf('odd', { hostIp: '' })]
  const cases: [Record<string, unknown>, string[]][] = [
    [{}, ['a', 'b', 'c', 'odd', 'six']],
    [{ cidr: '/8' }, ['a', 'b', 'c', 'odd', 'six']],
    [{ build_near_host_ip: '10.0.1.200' }, ['b']],
    [{ build_near_host_ip: '10.0.1.200', cidr: '/16' }, ['a', 'b', 'c']],
    [{ build_near_host_ip: '10.0.1.200', cidr: '/255.255.254.0' }, ['a', 'b']],
    [{ build_near_host_ip: 'fd00::1' }, ['six']],
    [{ build_near_host_ip: 'fd00::1', cidr: '/128' }, []],
    [{ build_near_host_ip: '10.0.1.200', cidr: '/33' }, []],
    [{ build_near_host_ip: 'nowhere', cidr: '/24' }, []],
    [{ build_near_host_ip: '10.0.1.200', cidr: '/::' }, []],
  ]
  for (const [hints, expected] of cases) {
    const config = { maxAttempts: 9 }
    const { hosts } = await asked('SimpleCIDRAffinityFilter', { nodes, config }, hinted(hints))
    assert.deepEqual(hosts, expected, JSON.stringify(hints))
  }
})

test('images and hosts that are set aside for one another', async () => {
  const of = async (imageId: string | null, restrict: boolean, images: readonly string[] = ['gold']) => {
    const config = {
      isolatedHosts: ['a'],
      isolatedImages: images,
      restrictIsolatedHostsToIsolatedImages: restrict,
    }
    return (await asked('IsolatedHostsFilter', { config }, specOf({ imageId }))).hosts.join('')
  }
  assert.deepEqual([await of('gold', true), await of('plain', true), await of(null, true)], ['a', 'bc', 'bc'])
  assert.deepEqual([await of('gold', false), await of('plain', false)], ['a', 'abc'])
  assert.deepEqual([await of('gold', true, []), await of('gold', false, [])], ['bc', 'abc'])
})

test('aggregates name the flavors, and the image properties of a namespace, that they are for', async () => {
  const aggregates = [
    { ...zoneOf('one', ['a']), metadata: { instance_type: 'm1.tiny, m1.small' } },
    {
      ...zoneOf('two', ['a', 'b']),
      metadata: { instance_type: 'm1.large', os_distro: 'linux', 'own.os': 'linux' },
    },
  ]
  const flavor = async (name?: string) =>
    (
      await asked(
        'AggregateTypeAffinityFilter',
        { aggregates },
        specOf({}, name === undefined ? {} : { name }),
      )
    ).hosts
  assert.deepEqual(await flavor('m1.small'), ['a', 'c'])
  assert.deepEqual(await flavor('m1.large'), ['a', 'b', 'c'])
  assert.deepEqual([await flavor('m1'), await flavor()], [['c'], ['c']])
  const image = async (imageProperties: Record<string, string>, imageIsolationNamespace: string | null) => {
    const config = { imageIsolationNamespace }
    return (
      await asked('AggregateImagePropertiesIsolation', { aggregates, config }, specOf({ imageProperties }))
    ).hosts
  }
  assert.deepEqual(await image({ os_distro: 'windows' }, null), ['c'])
  assert.deepEqual(await image({ os_distro: 'windows' }, 'own'), ['a', 'b', 'c'])
  assert.deepEqual(await image({ 'own.os': 'windows' }, 'own'), ['c'])
})

suite('hosts that hold much, or are busy', () => {
  const loads = { servers: new Map([['a', 5]]), ioOps: new Map([['b', 3]]) }
  const limit = (key: string, value: string) => [
    { ...zoneOf('z', ['a', 'b', 'c']), metadata: { [key]: value } },
  ]

  test('are left out at the limit of the option, or of their aggregates where it is a number', async () => {
    const cases: [string, object, string, string][] = [
      ['NumInstancesFilter', { maxInstancesPerHost: 5 }, '', 'bc'],
      ['NumInstancesFilter', { maxInstancesPerHost: 6 }, '', 'abc'],
      ['AggregateNumInstancesFilter', { maxInstancesPerHost: 5 }, '6', 'abc'],
      ['AggregateNumInstancesFilter', { maxInstancesPerHost: 6 }, '0', ''],
      ['AggregateNumInstancesFilter', { maxInstancesPerHost: 5 }, 'many', 'bc'],
      ['IoOpsFilter', { maxIoOpsPerHost: 3 }, '', 'ac'],
      ['AggregateIoOpsFilter', { maxIoOpsPerHost: 8 }, ' 3 ', 'ac'],
      ['AggregateIoOpsFilter', { maxIoOpsPerHost: 8 }, '', 'abc'],
    ]
    for (const [filter, config, value, expected] of cases) {
      const key = filter.includes('Io') ? 'max_io_ops_per_host' : 'max_instances_per_host'
      const aggregates = filter.startsWith('Aggregate') ? limit(key, value) : []
      const { hosts } = await asked(filter, { loads, config, aggregates })
      assert.equal(hosts.join(''), expected, `${filter} ${value}`)
    }
  })

  test('hold one more with each server of a request: also over another look, after a host was lost', async () => {
    for (const lost of ['', 'c']) {
      const config = { enabledFilters: ['NumInstancesFilter'], maxInstancesPerHost: 1, maxAttempts: 1 }
      const { select } = cloudOf({ nodes: NODES, config, races: (host) => host === lost })
      const { selections, explanation } = await select(specOf(), ['1', '2', '3', '4'])
      const hosts = selections.flatMap(([first]) => first?.host ?? [])
      assert.deepEqual(hosts.toSorted(), lost === '' ? ['a', 'b', 'c'] : ['a', 'b'])
      assert.match(explanation, lost === '' ? /3 hold as many servers as it may/ : /other requests took/)
    }
  })
})

test('filters are enabled by their names, if they are available', () => {
  const names = (enabled: readonly string[], available?: readonly string[]) => {
    const { filters, unknown } = filtersOf(enabled, available)
    return [filters.slice(2).map(({ name }) => name), unknown]
  }
  assert.deepEqual(names(['SameHostFilter', 'AvailabilityZoneFilter', 'SameHostFilter']), [
    ['SameHostFilter'],
    [],
  ])
  assert.deepEqual(names(['SameHostFilter', 'NUMATopologyFilter']), [
    ['SameHostFilter'],
    ['NUMATopologyFilter'],
  ])
  const own = ['nova.scheduler.filters.compute_filter.ComputeFilter', 'my.own.Filter']
  assert.deepEqual(names(['ComputeFilter', 'JsonFilter'], own), [
    ['ComputeFilter'],
    ['JsonFilter', 'my.own.Filter'],
  ])
})
