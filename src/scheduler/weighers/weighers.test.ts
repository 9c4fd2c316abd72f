/** Weighers: what each prefers, how values become weights, and who is listed. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { defaultSchedulerConfig, type SchedulerConfig } from '../config.ts'
import type { CandidateHost } from '../request.ts'
import { cloudOf, type CloudOptions, nodeOf, serviceOf, specOf, zoneOf } from '../small-cloud.fixture.ts'
import { weigh, type Weigher, weighersOf } from './index.ts'

const CLASSES = 'nova.scheduler.weights'

/** The order in which hosts are chosen by one weigher alone. */
async function order(name: string, config: Partial<SchedulerConfig>, options: Partial<CloudOptions>) {
  const nodes = options.nodes ?? ['a', 'b', 'c'].map((host) => nodeOf(host))
  const only = { weightClasses: [`${CLASSES}.some.${name}`], ...config }
  const { select } = cloudOf({ nodes, ...options, config: only })
  const imageProperties = { os_distro: 'linux', hw_machine_type: 'pc', owner: 'me' }
  return (await select(specOf({ imageProperties }))).selections[0]?.map(({ host }) => host).join('')
}

suite('weighers', () => {
  const loads = {
    ioOps: new Map(Object.entries({ a: 3, b: 1, c: 2 })),
    servers: new Map([
      ['b', 2],
      ['c', 9],
    ]),
  }

  test('prefer calm hosts, newer hypervisors, and by choice fuller or emptier ones', async () => {
    assert.equal(await order('IoOpsWeigher', {}, { loads }), 'bca')
    assert.equal(await order('IoOpsWeigher', { ioOpsWeightMultiplier: 1 }, { loads }), 'acb')
    assert.equal(await order('NumInstancesWeigher', { numInstancesWeightMultiplier: 1 }, { loads }), 'cba')
    assert.equal(await order('NumInstancesWeigher', { numInstancesWeightMultiplier: -1 }, { loads }), 'abc')
    const nodes = ['a', 'b', 'c'].map((host, n) => nodeOf(host, { hypervisorVersion: 7_000_000 + n }))
    assert.equal(await order('HypervisorVersionWeigher', {}, { nodes }), 'cba')
    const failing = ['a', 'b', 'c'].map((host, n) => nodeOf(host, { failedBuilds: (n * 2) % 3 }))
    assert.equal(await order('BuildFailureWeigher', {}, { nodes: failing }), 'acb')
    const trusted = [zoneOf('z', ['b'], { build_failure_weight_multiplier: '0.1' })]
    assert.equal(await order('BuildFailureWeigher', {}, { nodes: failing, aggregates: trusted }), 'abc')
    const older = { hypervisorVersionWeightMultiplier: -1 }
    assert.equal(await order('HypervisorVersionWeigher', older, { nodes }), 'abc')
  })

  test('prefer hosts whose servers have images alike, as each property counts', async () => {
    const linux = { image_os_distro: 'linux' }
    const both = { ...linux, image_hw_machine_type: 'pc' }
    const notes = [
      { host: 'a', notes: { image_os_distro: 'windows', image_owner: 'me' } },
      { host: 'b', notes: both },
      { host: 'b', notes: linux },
      { host: 'c', notes: linux },
    ]
    const alike = (imagePropsWeightMultiplier: number, imagePropsWeightSetting: readonly string[] = []) =>
      order('ImagePropertiesWeigher', { imagePropsWeightMultiplier, imagePropsWeightSetting }, { notes })
    assert.equal(await alike(1), 'bca')
    assert.equal(await alike(-1), 'acb')
    assert.equal(await alike(1, ['os_distro=-10', 'hw_machine_type=1']), 'acb')
    assert.equal(await alike(1, ['hw_machine_type=nonsense']), 'abc', 'nothing counts')
    assert.equal(await alike(0), 'abc')
  })

  test('bring values to 0..1, from their minimum or the lowest, as Nova does', () => {
    const hosts: CandidateHost[] = ['a', 'b', 'c', 'd'].map((name, n) => ({
      node: nodeOf(name),
      service: serviceOf(name),
      availabilityZone: 'nova',
      aggregates: n === 3 ? [zoneOf('z', [name], { key: '-0.5' }), zoneOf('y', [name], { key: '3e0' })] : [],
      servers: 0,
      ioOps: 0,
      ways: [],
      free: {},
    }))
    const values = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(values, fc.option(fc.integer({ min: -2, max: 2 }), { nil: undefined }), (raw, minimum) => {
        const weigher: Weigher = {
          name: 'w',
          weigh: ({ node }) => raw['abcd'.indexOf(node.host)] ?? 0,
          multiplier: () => 2,
          overrideKey: 'key',
          ...(minimum !== undefined && { minimum }),
        }
        const got = [
          ...weigh(hosts, [weigher], { config: defaultSchedulerConfig, group: undefined }).values(),
        ]
        const clamped = raw.map((value) => Math.max(value, minimum ?? -Infinity))
        const [low, high] = [minimum ?? Math.min(...clamped), Math.max(...clamped)]
        for (const [at, value] of clamped.entries()) {
          const expected = low === high ? 0 : ((value - low) / (high - low)) * (at === 3 ? -0.5 : 2)
          assert.ok(Math.abs((got[at] ?? Number.NaN) - expected) < 1e-9)
        }
      }),
    )
  })

  test('are all there, or those that are listed', () => {
    const all = weighersOf([`${CLASSES}.all_weighers`])
    assert.deepEqual(all.unknown, [])
    for (const { name, multiplier } of all.weighers)
      assert.ok(Number.isFinite(multiplier(defaultSchedulerConfig)), name)
    const some = weighersOf([`${CLASSES}.ram.RAMWeigher`, `${CLASSES}.metrics.MetricsWeigher`])
    assert.deepEqual(
      [some.weighers.map(({ name }) => name), some.unknown],
      [['RAMWeigher'], [`${CLASSES}.metrics.MetricsWeigher`]],
    )
  })
})

test('a multiplier of aggregates that is no number leaves the option in force', async () => {
  const nodes = ['a', 'b', 'c'].map((host, n) => nodeOf(host, { memoryMb: 4_096 * (n + 1) }))
  const spoilt = ['', 'many', '1_0'].map((ram_weight_multiplier, n) =>
    zoneOf(`z${n}`, ['c'], { ram_weight_multiplier }),
  )
  for (const aggregates of spoilt.map((each) => [each, zoneOf('n', ['c'], { ram_weight_multiplier: '-1' })]))
    assert.equal(await order('RAMWeigher', {}, { nodes, aggregates }), 'cba')
  assert.equal(
    await order(
      'RAMWeigher',
      {},
      { nodes, aggregates: [zoneOf('n', ['c'], { ram_weight_multiplier: '-1' })] },
    ),
    'bac',
  )
})
