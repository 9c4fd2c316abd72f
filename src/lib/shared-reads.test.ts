/** Who asks together is answered together, and never with what was read before the question. */
import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'node:test'
import { createGatheredReads, createSharedReads } from './shared-reads.ts'

/** A source whose reads end when told, with what it held as they began. */
function source() {
  const reads: { readonly keys: readonly string[]; end(error?: Error): void }[] = []
  let value = 0
  return {
    reads,
    change: () => void value++,
    read: (keys: readonly string[]) => {
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      const seen = value
      reads.push({ keys, end: (error) => (error ? reject(error) : resolve(seen)) })
      return promise
    },
  }
}

test('those who ask while a read runs share the next one', async () => {
  const { reads, change, read } = source()
  const shared = createSharedReads<number>()
  const ask = () => shared('key', () => read([]))
  const first = ask()
  change()
  const later = [ask(), ask(), ask()]
  assert.equal(reads.length, 1)
  reads[0]?.end()
  assert.equal(await first, 0)
  await nextTurn()
  assert.equal(reads.length, 2)
  change()
  const last = ask()
  reads[1]?.end()
  assert.deepEqual(await Promise.all(later), [1, 1, 1])
  await nextTurn()
  reads[2]?.end()
  assert.equal(await last, 2)
  const other = shared('another key', () => read([]))
  reads[3]?.end()
  assert.equal(await other, 2)
})

test('a failed read fails those who shared it and no others', async () => {
  const { reads, read } = source()
  const shared = createSharedReads<number>()
  const ask = () => shared('key', () => read([]))
  const first = ask()
  const later = ask()
  reads[0]?.end(new Error('away'))
  await assert.rejects(first, /away/)
  await nextTurn()
  reads[1]?.end()
  assert.equal(await later, 0)
})

test('keys that are asked for while a read runs are read together', async () => {
  const { reads, change, read } = source()
  const ask = createGatheredReads<string, string>(async (keys) => {
    const value = await read(keys)
    return new Map(keys.map((key) => [key, `${key}${value}`]))
  })
  const first = ask('a')
  change()
  const later = [ask('a'), ask('b'), ask('b')]
  reads[0]?.end(new Error('away'))
  await assert.rejects(first, /away/)
  await nextTurn()
  reads[1]?.end()
  assert.deepEqual(await Promise.all(later), ['a1', 'b1', 'b1'])
  assert.deepEqual(
    reads.map(({ keys }) => keys),
    [['a'], ['a', 'b']],
  )
})

test('a read that waits a turn is shared by all who ask in this one, and by none who ask later', async () => {
  const { reads, change, read } = source()
  const shared = createSharedReads<number>({ waitsATurn: true })
  const gathered = createGatheredReads<string, string>(
    async (keys) => {
      const value = await read(keys)
      return new Map(keys.map((key) => [key, `${key}${value}`]))
    },
    { waitsATurn: true },
  )
  const together = [shared('key', () => read([])), shared('key', () => read([]))]
  const keys = [gathered('a'), gathered('b')]
  assert.equal(reads.length, 0)
  change()
  await nextTurn()
  assert.equal(reads.length, 2)
  change()
  const later = [shared('key', () => read([])), gathered('c')]
  for (const { end } of reads) end()
  assert.deepEqual(await Promise.all(together), [1, 1])
  assert.deepEqual(await Promise.all(keys), ['a1', 'b1'])
  while (reads.length < 4) await nextTurn()
  for (const { end } of reads.slice(2)) end()
  assert.deepEqual(await Promise.all(later), [2, 'c2'])
  assert.deepEqual(
    reads.map((each) => each.keys),
    [[], ['a', 'b'], ['c'], []],
  )
})
