/** What every bus must do. A new implementation calls `busContract` with a way to make one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bus, BusTimeout } from '#bus/port.ts'
import { Fault } from '#lib/fault.ts'
import { currentTrace, traced } from '#lib/trace.ts'
import { eventually } from '../eventually.ts'

const meta = { requestId: 'req-1' }
const ask = { ...meta, timeoutMs: 5_000 }

/** Defines the tests. `make` gives a bus of its own to each; topics carry a fresh suffix in case a broker is shared. */
export function busContract(name: string, make: () => Promise<Bus>): void {
  let serial = 0
  const busTest = (what: string, body: (bus: Bus, topic: string) => Promise<void>) => {
    test(`${name}: ${what}`, async () => {
      const bus = await make()
      try {
        await body(bus, `topic-${process.pid}-${++serial}`)
      } finally {
        await bus.close()
      }
    })
  }

  busTest('a call is answered, with the request id along', async (bus, topic) => {
    await bus.serve(topic, {
      add: async (payload, { requestId }) => ({ sum: (payload as number[])[0]! + 1, requestId }),
    })
    assert.deepEqual(await bus.call(topic, 'add', [41], ask), { sum: 42, requestId: 'req-1' })
  })

  busTest('a handler works on behalf of the request that its message came with', async (bus, topic) => {
    await bus.serve(topic, { whose: async () => currentTrace()?.requestId })
    const asked = traced({ requestId: 'req-of-another' }, () => bus.call(topic, 'whose', null, ask))
    assert.equal(await asked, 'req-1')
  })

  busTest('messages share no object with their sender, and undefined arrives as null', async (bus, topic) => {
    const kept: { list: number[] }[] = []
    await bus.serve(topic, {
      keep: async (payload) => {
        kept.push(payload as { list: number[] })
        return kept[0]
      },
      nothing: async () => undefined,
    })
    const sent = { list: [1] }
    const reply = (await bus.call(topic, 'keep', sent, ask)) as { list: number[] }
    sent.list.push(2)
    reply.list.push(3)
    assert.deepEqual(kept, [{ list: [1] }])
    assert.equal(await bus.call(topic, 'nothing', undefined, ask), null)
  })

  busTest('delivery is never re-entrant', async (bus, topic) => {
    const order: string[] = []
    await bus.serve(topic, { note: async () => void order.push('handled') })
    const sent = bus.cast(topic, 'note', null, meta)
    order.push('sent')
    await sent
    await eventually(() => order.length === 2)
    assert.deepEqual(order, ['sent', 'handled'])
  })

  busTest(
    'a fault keeps its kind and message; another error becomes an internal fault',
    async (bus, topic) => {
      await bus.serve(topic, {
        refuse: async () => {
          throw new Fault('conflict', 'Port p is still in use.', { code: 'PortInUse' })
        },
        crash: async () => {
          throw new TypeError('x is not a function')
        },
      })
      await assert.rejects(bus.call(topic, 'refuse', null, ask), {
        name: 'Fault',
        kind: 'conflict',
        code: 'PortInUse',
        message: 'Port p is still in use.',
      })
      await assert.rejects(bus.call(topic, 'crash', null, ask), {
        kind: 'internal',
        message: 'x is not a function',
      })
      await assert.rejects(bus.call(topic, 'toString', null, ask), { kind: 'notImplemented' })
    },
  )

  busTest('a call that is not answered in time fails with BusTimeout', async (bus, topic) => {
    let release: (() => void) | undefined
    await bus.serve(topic, { hang: () => new Promise<null>((resolve) => (release = () => resolve(null))) })
    await assert.rejects(bus.call(topic, 'hang', null, { ...meta, timeoutMs: 20 }), BusTimeout)
    await assert.rejects(bus.call(`${topic}-unserved`, 'any', null, { ...meta, timeoutMs: 20 }), BusTimeout)
    release?.()
  })

  busTest('a call waits for a server that comes late', async (bus, topic) => {
    const reply = bus.call(topic, 'hello', 'first', ask)
    const late: unknown[] = []
    await assert.rejects(
      bus.call(topic, 'hello', 'nobody waits for this one', { ...meta, timeoutMs: 20 }),
      BusTimeout,
    )
    await bus.serve(topic, { hello: async (payload) => (late.push(payload), 'here') })
    assert.equal(await reply, 'here')
    assert.equal(await bus.call(topic, 'hello', 'second', ask), 'here')
    assert.deepEqual(late, ['first', 'second'])
  })

  busTest('servers of one topic share its messages, each handled once', async (bus, topic) => {
    const seen: [string, number][] = []
    await bus.serve(topic, { take: async (n) => void seen.push(['a', n as number]) })
    await bus.serve(topic, { take: async (n) => void seen.push(['b', n as number]) })
    await Promise.all([1, 2, 3, 4].map((n) => bus.call(topic, 'take', n, ask)))
    assert.deepEqual(new Set(seen.map(([, n]) => n)), new Set([1, 2, 3, 4]))
    assert.deepEqual(new Set(seen.map(([server]) => server)), new Set(['a', 'b']))
  })

  busTest('calls that may go together are each a call of their own', async (bus, topic) => {
    let finish: (() => void) | undefined
    const whose: unknown[][] = []
    await bus.serve(topic, {
      take: async (payload, { requestId }) => {
        whose.push([payload, requestId, currentTrace()?.requestId])
        if (payload === 'bad') throw new Fault('conflict', 'Not this one.', { code: 'Bad' })
        if (payload === 'slow') await new Promise<void>((resolve) => (finish = resolve))
        return payload
      },
    })
    const take = (payload: unknown, timeoutMs = 20_000) =>
      bus.call(topic, 'take', payload, { requestId: `req-${String(payload)}`, timeoutMs, packs: true })
    const slow = take('slow')
    const late = assert.rejects(take('hangs', 1), BusTimeout)
    const bad = assert.rejects(take('bad'), { kind: 'conflict', code: 'Bad', message: 'Not this one.' })
    const unknown = bus.call(topic, 'mistaken', null, { ...ask, packs: true })
    const refused = assert.rejects(unknown, { kind: 'notImplemented' })
    const many = Array.from({ length: 100 }, (_, n) => n)
    assert.deepEqual(await Promise.all(many.map((n) => take(n))), many)
    await Promise.all([bad, refused, late])
    await eventually(() => finish !== undefined)
    finish?.()
    assert.equal(await slow, 'slow')
    for (const [payload, ...ids] of whose)
      assert.deepEqual(ids, [`req-${String(payload)}`, `req-${String(payload)}`])
    assert.equal(whose.filter(([payload]) => payload === 7).length, 1)
    const large = 'x'.repeat(50_000)
    assert.deepEqual(await Promise.all([take(large), take(1), take(large)]), [large, 1, large])
  })

  busTest('of nudges of a moment at least one arrives, after the last was sent', async (bus, topic) => {
    let sent = 0
    let seen = 0
    let times = 0
    await bus.serve(topic, {
      look: async () => {
        times++
        seen = sent
      },
    })
    for (; sent < 200; ) {
      sent++
      await bus.cast(topic, 'look', sent, { requestId: `req-${sent}`, nudges: true })
    }
    await eventually(() => seen === 200)
    assert.ok(times <= 200)
  })

  busTest('a server that closes finishes what runs and gets nothing more', async (bus, topic) => {
    const events: string[] = []
    let finish: (() => void) | undefined
    const first = await bus.serve(topic, {
      work: async () => {
        events.push('begun')
        await new Promise<void>((resolve) => (finish = resolve))
        events.push('finished')
        return 'first'
      },
    })
    const reply = bus.call(topic, 'work', null, ask)
    await eventually(() => finish !== undefined)
    const closed = first.close().then(() => events.push('closed'))
    finish?.()
    assert.equal(await reply, 'first')
    await closed
    assert.deepEqual(events, ['begun', 'finished', 'closed'])
    await bus.serve(topic, { work: async () => 'second' })
    assert.equal(await bus.call(topic, 'work', null, ask), 'second')
  })

  busTest(
    'close drains: what was cast before is handled, what comes after is refused',
    async (bus, topic) => {
      let handled = 0
      await bus.serve(topic, { note: async () => void handled++ })
      for (let n = 0; n < 5; n++) await bus.cast(topic, 'note', n, meta)
      await bus.close()
      assert.equal(handled, 5)
      await assert.rejects(bus.call(topic, 'note', 6, ask), { kind: 'unavailable' })
    },
  )
}
