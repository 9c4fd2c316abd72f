/** Choosing for many at once: who shares what, how they spread, and that nobody is taken along by another. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { RequestSpec } from '#contracts/scheduler.ts'
import { Fault } from '#lib/fault.ts'
import { createSelectTogether } from './select-together.ts'
import { cloudOf, type CloudOptions, nodeOf, serviceOf, specOf } from './small-cloud.fixture.ts'

const context = { requestId: 'req-1', userId: 'user', projectId: 'project', roles: [] }

/** A cloud, and many who ask it in one turn of the event loop: a specification for each, and their instances. */
function manyAt(options: CloudOptions) {
  const cloud = cloudOf(options)
  const select = createSelectTogether(cloud.selector)
  const ask = (questions: readonly (readonly [RequestSpec, ...string[]])[]) =>
    Promise.allSettled(questions.map(([spec, ...instanceUuids]) => select({ context, spec, instanceUuids })))
  const answers = async (questions: Parameters<typeof ask>[0]) =>
    (await ask(questions)).map((each) =>
      each.status === 'fulfilled' ? each.value : assert.fail(`${each.reason}`),
    )
  return { ...cloud, ask, answers }
}

const firsts = (answers: readonly { readonly selections: readonly (readonly { host: string }[])[] }[]) =>
  answers.flatMap(({ selections }) => selections.map((selection) => selection[0]?.host ?? 'none'))

const sorted = (words: readonly string[]): string[] => words.toSorted((a, b) => a.localeCompare(b))

suite('selecting for many', () => {
  test('equal questions ask Placement once, spread like one after another, and are claimed in one request', async () => {
    const { answers, asked, claimed, together } = manyAt({
      nodes: ['a', 'b', 'c'].map((host) => nodeOf(host)),
    })
    const got = await answers(Array.from({ length: 9 }, (_, n) => [specOf(), `i${n}`] as const))
    assert.equal(asked.length, 1)
    assert.deepEqual(together, [9])
    assert.deepEqual(sorted(firsts(got)), ['a', 'a', 'a', 'b', 'b', 'b', 'c', 'c', 'c'])
    assert.deepEqual(
      got.map(({ selections }) => [
        selections[0]?.length,
        new Set(selections[0]?.map(({ host }) => host)).size,
      ]),
      got.map(() => [3, 3]),
    )
    const told = got.map(({ selections }, n) => [`i${n}`, selections[0]?.[0]?.allocations])
    assert.deepEqual(claimed, told)
  })

  test('where servers are counted, those who ask a moment later know of those before', async () => {
    const { selector } = manyAt({
      nodes: ['a', 'b', 'c'].map((host) => nodeOf(host)),
      config: { enabledFilters: ['NumInstancesFilter'], maxInstancesPerHost: 2 },
    })
    const select = createSelectTogether(selector)
    const asking: ReturnType<typeof select>[] = []
    for (let n = 0; n < 9; n++) {
      asking.push(select({ context, spec: specOf(), instanceUuids: [`i${n}`] }))
      if (n % 2 === 0) await new Promise((resolve) => void setImmediate(resolve))
    }
    const got = await Promise.all(asking)
    const [held, others] = [firsts(got).slice(0, 6), firsts(got).slice(6)]
    assert.deepEqual(sorted(held), ['a', 'a', 'b', 'b', 'c', 'c'])
    assert.deepEqual(others, ['none', 'none', 'none'])
    assert.match(got.at(-1)?.explanation ?? '', /3 hold as many servers as it may/)
  })

  test('different questions know what the others took', async () => {
    const { answers, asked } = manyAt({ nodes: [nodeOf('a'), nodeOf('b')] })
    const large = specOf({}, { memoryMb: 8_192 })
    const got = await answers([
      [large, 'i1'],
      [specOf(), 'i2'],
      [specOf({ projectId: 'another' }), 'i3'],
      [large, 'i4', 'i5'],
    ])
    const [first, ...small] = firsts(got)
    assert.equal(asked.length, 2)
    assert.deepEqual(
      small.slice(0, 2),
      small.slice(0, 2).map(() => (first === 'a' ? 'b' : 'a')),
    )
    assert.deepEqual(got[3]?.selections.map((each) => each[0]?.host).includes(first), true)
  })

  test('when there is no room for all, as many as fit have a host and the others hear why', async () => {
    const { answers, together } = manyAt({
      nodes: [nodeOf('a', { memoryMb: 1_024 }), nodeOf('b', { memoryMb: 1_024 })],
    })
    const got = await answers(Array.from({ length: 6 }, (_, n) => [specOf(), `i${n}`] as const))
    assert.deepEqual(together, [4])
    assert.deepEqual(sorted(firsts(got)), ['a', 'a', 'b', 'b', 'none', 'none'])
    for (const { selections, explanation } of got)
      assert.equal(explanation === '', (selections[0]?.length ?? 0) > 0)
    assert.match(got[5]?.explanation ?? '', /not enough hosts available.*MEMORY_MB|RAM|memory/i)
  })

  test('claims that Placement refuses together are made one by one', async () => {
    const { answers, claimed, together } = manyAt({ nodes: [nodeOf('a'), nodeOf('b')], onlyAlone: true })
    const got = await answers([
      [specOf(), 'i1'],
      [specOf(), 'i2'],
    ])
    assert.deepEqual(together, [2])
    assert.deepEqual(claimed.map(([uuid]) => uuid).sort(), ['i1', 'i2'])
    assert.deepEqual(sorted(firsts(got)), ['a', 'b'])
  })

  test('an instance that is asked for twice at once is claimed once, and then asked for alone', async () => {
    const { answers, together } = manyAt({ nodes: [nodeOf('a')] })
    await answers([
      [specOf(), 'i1'],
      [specOf(), 'i1'],
      [specOf(), 'i2'],
    ])
    assert.deepEqual(together, [2])
  })

  test('nobody is taken along by one that finds no host or cannot be asked for', async () => {
    const nodes = [nodeOf('a'), nodeOf('off')]
    const cloud = manyAt({ nodes, services: [serviceOf('a'), serviceOf('off', { disabled: true })] })
    const { candidates } = cloud.selector.placement
    Object.assign(cloud.selector.placement, {
      candidates: async (query: Parameters<typeof candidates>[0]) => {
        if (query.resources['VCPU'] === 3) throw new Fault('badGateway', 'Placement stumbles')
        return candidates(query)
      },
    })
    const [good, nowhere, broken, other] = await cloud.ask([
      [specOf(), 'i1'],
      [specOf({ forceHost: 'gone' }), 'i2'],
      [specOf({}, { vcpus: 3 }), 'i3'],
      [specOf(), 'i4'],
    ])
    assert.deepEqual(good?.status === 'fulfilled' && firsts([good.value]), ['a'])
    assert.deepEqual(other?.status === 'fulfilled' && firsts([other.value]), ['a'])
    assert.deepEqual(good?.status === 'fulfilled' && good.value.refusals.map(({ host, by }) => [host, by]), [
      ['off', 'ComputeFilter'],
    ])
    assert.equal(nowhere?.status === 'fulfilled' && nowhere.value.explanation !== '', true)
    assert.equal(broken?.status, 'rejected')
  })
})
