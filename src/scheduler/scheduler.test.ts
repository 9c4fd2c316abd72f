/** Choosing hosts: filters, weighers, claims, and what is said when there is no host. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { RequestSpec } from '#contracts/scheduler.ts'
import { badRequest } from '#lib/fault.ts'
import type { Aggregate } from '#model/host/index.ts'
import { defaultSchedulerConfig } from './config.ts'
import { matchesSpec } from './filters/spec-operators.ts'
import { orderByWeight } from './pick.ts'
import { needsOf } from './resources.ts'
import { selectHosts } from './select-hosts.ts'
import { cloudOf, type CloudOptions, nodeOf, NOW, serviceOf, specOf, zoneOf } from './small-cloud.fixture.ts'
import { weigh, weighersOf } from './weighers/index.ts'

const hostsOf = (selections: readonly (readonly { readonly host: string }[])[]) =>
  selections.map((selection) => selection.map(({ host }) => host))

suite('selecting hosts', () => {
  test('claims the emptiest host and names the next best as alternates', async () => {
    const nodes = ['a', 'b', 'c', 'd'].map((host) => nodeOf(host))
    const used = {
      'uuid-a': { MEMORY_MB: 9_000 },
      'uuid-b': { MEMORY_MB: 1_000 },
      'uuid-c': {},
      'uuid-d': { MEMORY_MB: 12_000 },
    }
    const { select, claimed } = cloudOf({ nodes, used })
    const { selections, refusals, explanation } = await select(specOf())
    assert.deepEqual(hostsOf(selections), [['c', 'b', 'a']])
    assert.deepEqual(claimed, [['i1', { 'uuid-c': { resources: { VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 } } }]])
    assert.deepEqual([refusals, explanation], [[], ''])
    assert.deepEqual(selections[0]?.[0], {
      host: 'c',
      node: 'c.example.org',
      providerId: 'uuid-c',
      availabilityZone: 'nova',
      allocations: { 'uuid-c': { resources: { VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 } } },
    })
  })

  test('spreads several instances of one request, each on what the others left', async () => {
    const { select } = cloudOf({ nodes: [nodeOf('a'), nodeOf('b')], config: { maxAttempts: 1 } })
    const { selections } = await select(specOf(), ['i1', 'i2', 'i3', 'i4'])
    assert.deepEqual(hostsOf(selections).flat().sort(), ['a', 'a', 'b', 'b'])
  })

  test('records who refused which host, and why', async () => {
    const nodes = ['ok', 'off', 'silent', 'down', 'arm', 'far', 'left'].map((host) =>
      nodeOf(host, host === 'arm' ? { supportedInstances: [['aarch64', 'kvm', 'hvm']] } : {}),
    )
    const services = nodes.map(({ host }) =>
      serviceOf(host, {
        ...(host === 'off' && { disabled: true, disabledReason: 'a new disk' }),
        ...(host === 'silent' && { lastSeenUp: NOW - 61_000 }),
        ...(host === 'down' && { forcedDown: true }),
      }),
    )
    const aggregates = [zoneOf('nova', ['ok']), zoneOf('moon', ['far'])]
    const { select } = cloudOf({ nodes, services, aggregates })
    const { selections, refusals } = await select(
      specOf({ availabilityZone: 'nova', ignoreHosts: ['left'], imageProperties: { architecture: 'amd64' } }),
    )
    assert.deepEqual(hostsOf(selections), [['ok']])
    const told = Object.fromEntries(refusals.map(({ host, by, reason }) => [host, `${by}: ${reason}`]))
    assert.deepEqual(told, {
      off: 'ComputeFilter: is disabled: a new disk',
      silent: 'ComputeFilter: was last heard of 61 s ago',
      down: 'ComputeFilter: is forced down',
      arm: 'ImagePropertiesFilter: the image is for x86_64, the host runs aarch64 kvm hvm',
      far: 'AvailabilityZoneFilter: is in availability zone moon, not in nova',
      left: 'IgnoreHosts: is to be ignored for this request',
    })
  })

  test('tells a user why all hosts were refused, without naming one', async () => {
    const nodes = [nodeOf('secret-1'), nodeOf('secret-2'), nodeOf('secret-3')]
    const services = [serviceOf('secret-1', { disabled: true }), serviceOf('secret-2'), serviceOf('secret-3')]
    const { select, claimed } = cloudOf({
      nodes,
      services,
      aggregates: [zoneOf('az1', ['secret-1'])],
      isUntold: true,
    })
    const { selections, explanation } = await select(specOf({ availabilityZone: 'az1' }))
    assert.deepEqual(selections, [[]])
    assert.equal(
      explanation,
      'There are not enough hosts available: 3 hosts have room for it, but of these 2 are not in availability zone az1, 1 is disabled or down.',
    )
    assert.deepEqual(claimed, [])
  })

  test('takes the next host when somebody was faster, and gives up after a few rounds', async () => {
    const nodes = [nodeOf('a', { memoryMb: 32_768 }), nodeOf('b')]
    const lucky = await cloudOf({ nodes, races: (host) => host === 'a' }).select(specOf())
    assert.deepEqual(hostsOf(lucky.selections), [['b']])
    assert.deepEqual(lucky.refusals, [
      { host: 'a', by: 'Placement', reason: 'another request took what was free' },
    ])
    const { select, asked } = cloudOf({ nodes, races: () => true })
    const unlucky = await select(specOf())
    assert.deepEqual(unlucky.selections, [[]])
    assert.match(unlucky.explanation, /other requests took what was free/)
    assert.equal(asked.length, 3)
  })

  test('an admin who names a host gets it, disabled only by force, or hears that it is not there', async () => {
    const nodes = [nodeOf('a'), nodeOf('b')]
    const { select, asked } = cloudOf({
      nodes,
      services: [serviceOf('a'), serviceOf('b', { disabled: true })],
    })
    assert.deepEqual(hostsOf((await select(specOf({ forceHost: 'b' }))).selections), [[]])
    assert.equal(asked[0]?.inTree, 'uuid-b')
    const moved = await select(specOf({ forceHost: 'b', evenDisabled: true }))
    assert.deepEqual(hostsOf(moved.selections), [['b']])
    const missing = await select(specOf({ forceHost: 'z' }))
    assert.deepEqual(missing.selections, [[]])
    assert.match(missing.explanation, /2 are not the one that was asked for/)
  })
})

const CONTEXT = { requestId: 'req-1', userId: 'user', projectId: 'project', roles: [] }

suite('explaining that Placement proposed none', () => {
  const explain = async (options: CloudOptions, spec: RequestSpec) =>
    (await cloudOf(options).select(spec)).explanation

  test('a flavor larger than any host', async () => {
    const nodes = [nodeOf('a'), nodeOf('b', { vcpus: 4 })]
    assert.equal(
      await explain({ nodes }, specOf({}, { vcpus: 64, rootGb: 500 })),
      'There are not enough hosts available: VCPU: 64 requested, the largest host has 8 (allocation ratio 4); DISK_GB: 500 requested, the largest host has 100 (allocation ratio 1).',
    )
  })

  test('what is used up', async () => {
    const nodes = [nodeOf('a'), nodeOf('b')]
    const used = { 'uuid-a': { MEMORY_MB: 16_000 }, 'uuid-b': { MEMORY_MB: 16_384 } }
    assert.equal(
      await explain({ nodes, used }, specOf()),
      'There are not enough hosts available: MEMORY_MB: 512 requested, at most 384 is free on one host (16000 of 16384 used).',
    )
    const full = { 'uuid-a': { MEMORY_MB: 16_384 }, 'uuid-b': { MEMORY_MB: 16_384 } }
    assert.match(
      await explain({ nodes, used: full }, specOf()),
      /MEMORY_MB: 512 requested, no host has any free/,
    )
  })

  test('room for each thing, but not on one host', async () => {
    const nodes = [nodeOf('a'), nodeOf('b')]
    const used = { 'uuid-a': { MEMORY_MB: 16_384 }, 'uuid-b': { DISK_GB: 100 } }
    assert.match(
      await explain({ nodes, used }, specOf()),
      /no single host has room for all of it at once \(VCPU: 1, MEMORY_MB: 512, DISK_GB: 1\)/,
    )
  })

  test('traits, no hosts at all, and a question that Placement refuses', async () => {
    const gpu = specOf({}, { extraSpecs: { 'trait:CUSTOM_GPU': 'required' } })
    assert.match(
      await explain({ nodes: [nodeOf('a')] }, gpu),
      /has the traits it needs \(CUSTOM_GPU, not COMPUTE_STATUS_DISABLED\)/,
    )
    assert.match(await explain({ nodes: [] }, specOf()), /no compute host has registered/)
    const { selector } = cloudOf({ nodes: [nodeOf('a')] })
    const whatIsLacking = async () => ({ trees: 2, lacking: 'has the trait CUSTOM_GPU' })
    const telling = { ...selector, placement: { ...selector.placement, whatIsLacking } }
    assert.equal(
      (await selectHosts(telling, { context: CONTEXT, spec: gpu, instanceUuids: ['i1'] })).explanation,
      'There are not enough hosts available: of 2 hosts that could do with the rest of it, none has the trait CUSTOM_GPU.',
    )
    const refusing = {
      ...selector,
      placement: {
        ...selector.placement,
        candidates: async () => Promise.reject(badRequest('No such trait(s): CUSTOM_X.')),
      },
    }
    const { explanation } = await selectHosts(refusing, {
      context: CONTEXT,
      spec: specOf(),
      instanceUuids: ['i1'],
    })
    assert.equal(explanation, 'There are not enough hosts available: No such trait(s): CUSTOM_X.')
  })
})

suite('the rules of scheduling', () => {
  test('needs come of the flavor and its extra specs', () => {
    const needs = needsOf(
      specOf(
        { isVolumeBacked: true },
        {
          vcpus: 4,
          rootGb: 20,
          ephemeralGb: 5,
          swapMb: 1_025,
          extraSpecs: {
            'resources:VGPU': '1',
            'resources:VCPU': '0',
            'trait:A': 'required',
            'trait:B': 'forbidden',
            'hw:x': '1',
          },
        },
      ),
    )
    assert.deepEqual(needs, {
      resources: { MEMORY_MB: 512, DISK_GB: 7, VGPU: 1 },
      requiredTraits: ['A'],
      forbiddenTraits: ['B'],
    })
    assert.deepEqual(needsOf(specOf({}, { rootGb: 0 })).resources, { VCPU: 1, MEMORY_MB: 512 })
  })

  test('extra specs match by operator', () => {
    const cases: [string, string, boolean][] = [
      ['8', '= 4', true],
      ['4', '= 8', false],
      ['8', '== 8', true],
      ['8', '<= 7', false],
      ['x86_64', 's== x86_64', true],
      ['x86_64', 'x86_64', true],
      ['x86_64', '<or> arm <or> x86_64', true],
      ['["sse","avx"]', '<all-in> sse avx', true],
      ['["sse"]', '<all-in> sse avx', false],
      ['many', '>= 1', false],
      ['x86_64', '<in>', false],
    ]
    for (const [value, wanted, expected] of cases)
      assert.equal(matchesSpec(value, wanted), expected, `${value} ${wanted}`)
  })

  test('a capability of the host is asked for by its path', async () => {
    const { select } = cloudOf({ nodes: [nodeOf('a')] })
    const hosts = async (extraSpecs: Record<string, string>) =>
      hostsOf((await select(specOf({}, { extraSpecs }))).selections)
    assert.deepEqual(await hosts({ 'capabilities:cpu_info:topology:cores': '>= 4' }), [['a']])
    assert.deepEqual(await hosts({ 'capabilities:cpu_info:topology:cores': '>= 5' }), [[]])
    assert.deepEqual(await hosts({ hypervisor_type: 'QEMU', 'other:scope': 'x' }), [['a']])
    assert.deepEqual(await hosts({ 'capabilities:unheard_of': '1' }), [[]])
    assert.deepEqual(await hosts({ ssd: 'true' }), [['a']], 'a bare key may be about aggregates')
  })

  test('weights are normalised, multiplied, and overridden by aggregates', () => {
    const host = (name: string, free: number, aggregates: readonly Aggregate[] = []) => ({
      node: nodeOf(name),
      service: serviceOf(name),
      availabilityZone: 'nova',
      aggregates,
      servers: 0,
      ioOps: 0,
      ways: [],
      free: { MEMORY_MB: free },
    })
    const config = { ...defaultSchedulerConfig, cpuWeightMultiplier: 0, diskWeightMultiplier: 0 }
    const { weighers } = weighersOf(config.weightClasses)
    const asked = { config, group: undefined }
    const [a, b] = [host('a', 1_000), host('b', 4_000, [zoneOf('z', ['b'], { ram_weight_multiplier: '-2' })])]
    const weights = weigh([a, b], weighers, asked)
    assert.deepEqual([weights.get(a), weights.get(b)], [0.25, -2])
    const packing = weigh([a, host('c', 4_000)], weighers, {
      ...asked,
      config: { ...config, ramWeightMultiplier: -1 },
    })
    assert.deepEqual([...packing.values()], [-0.25, -1])
  })

  test('the first is drawn from the best few, ties are broken by chance', () => {
    const weights = new Map([
      ['a', 1],
      ['b', 3],
      ['c', 3],
      ['d', 2],
    ])
    const draws = (values: readonly number[]) => {
      let at = 0
      return () => values[at++] ?? 0
    }
    assert.deepEqual(orderByWeight(weights, 1, draws([0, 0.9, 0.1, 0, 0])), ['c', 'b', 'd', 'a'])
    assert.deepEqual(orderByWeight(weights, 1, draws([0, 0.1, 0.9, 0, 0.99])), ['b', 'c', 'd', 'a'])
    assert.deepEqual(orderByWeight(weights, 3, draws([0, 0.1, 0.9, 0, 0.99])), ['d', 'b', 'c', 'a'])
    assert.deepEqual(
      orderByWeight(new Map(), 3, () => 0),
      [],
    )
  })

  test('images of old, hypervisor versions, and hosts that tell of nothing', async () => {
    const { select } = cloudOf({ nodes: [nodeOf('a'), nodeOf('mute', { supportedInstances: [] })] })
    const hosts = async (imageProperties: Record<string, string>) =>
      hostsOf((await select(specOf({ imageProperties }))).selections)[0]?.sort()
    assert.deepEqual(await hosts({ hw_architecture: 'x86_64', vm_mode: 'hv', hypervisor_type: 'qemu' }), [
      'a',
    ])
    assert.deepEqual(await hosts({ img_hv_type: 'hyperv' }), [])
    assert.deepEqual(await hosts({ img_hv_requested_version: '>=7.0,<8' }), ['a', 'mute'])
    assert.deepEqual(await hosts({ img_hv_requested_version: 'nonsense' }), [])
    assert.deepEqual(await hosts({ hw_disk_bus: 'virtio' }), ['a', 'mute'])
  })
})
