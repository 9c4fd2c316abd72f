/** RabbitMQ keeps the bus contract; and what only a broker, or a process that dies, can break. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { after, before, type TestContext, test } from 'node:test'
import type { ConsumeMessage } from 'amqplib'
import { createBus } from '#bus/index.ts'
import { type Bus, BusTimeout } from '#bus/port.ts'
import { eventually } from '../eventually.ts'
import { busContract } from './bus.ts'
import { HANGING_SERVER } from './rabbitmq-hanging-server.ts'
import { type RabbitMqNode, startRabbitMq } from './rabbitmq-node.ts'

const meta = { requestId: 'req-1' }
const ask = { ...meta, timeoutMs: 20_000 }

let node: RabbitMqNode
before(async () => {
  node = await startRabbitMq()
})
after(() => node?.stop())

const make = (transportUrl = node.transportUrl) => createBus({ transportUrl })

/** Buses that are closed after the test. */
function busesOf(t: TestContext): (transportUrl?: string) => ReturnType<typeof createBus> {
  return (transportUrl) => {
    const bus = make(transportUrl)
    t.after(() => bus.close())
    return bus
  }
}

/** Lets `ms` pass by the only clock that the broker knows: a call that nobody answers. */
const pass = (bus: Bus, ms: number) =>
  assert.rejects(bus.call('nobody', 'any', null, { ...meta, timeoutMs: ms }), BusTimeout)

busContract('RabbitMQ', async () => make())

test('over TLS, only a broker whose certificate is vouched for is spoken to', async (t) => {
  const another = busesOf(t)
  const { transportUrl, caFile } = node.tls
  const trusting = another(`${transportUrl}?ssl_ca_file=${caFile}`)
  await trusting.serve('secret', { hello: async () => 'here' })
  assert.equal(await trusting.call('secret', 'hello', null, ask), 'here')
  const wary = another(transportUrl)
  await assert.rejects(wary.call('secret', 'hello', null, { ...meta, timeoutMs: 300 }), BusTimeout)
  assert.equal(wary.isConnected(), false)
})

test('a call whose deadline passed in the queue is never begun', async (t) => {
  const bus = busesOf(t)()
  const done: unknown[] = []
  const handlers = { note: async (payload: unknown) => void done.push(payload) }
  const first = await bus.serve('expiry', handlers)
  await first.close()
  const late = { ...meta, timeoutMs: 100 }
  await assert.rejects(bus.call('expiry', 'note', 'late', late), BusTimeout)
  // The broker counts from when the message came to it.
  await pass(bus, 300)
  const inTime = bus.call('expiry', 'note', 'in time', ask)
  await bus.serve('expiry', handlers)
  await inTime
  assert.deepEqual(done, ['in time'])
})

test('servers in several processes share a topic, those too that begin at the same moment', async (t) => {
  const another = busesOf(t)
  // The first host of the caller does not answer.
  const caller = another(node.transportUrl.replace('@', '@127.0.0.1:1,guest:guest@'))
  let seen: [server: string, what: unknown][] = []
  const names = ['a', 'b', 'c']
  const served = names.map((name) =>
    another().serve('shared', { take: async (payload) => (seen.push([name, payload]), payload) }),
  )
  await Promise.all(served)
  const servers = () => new Set(seen.map(([server]) => server)).size
  await eventually(async () => {
    await Promise.all(names.map(() => caller.call('shared', 'take', 0, ask)))
    return servers() === names.length
  })
  seen = []
  const numbers = Array.from({ length: 60 }, (_, n) => n)
  assert.deepEqual(await Promise.all(numbers.map((n) => caller.call('shared', 'take', n, ask))), numbers)
  assert.deepEqual(
    seen.map(([, what]) => what as number).sort((a, b) => a - b),
    numbers,
  )
  assert.equal(servers(), names.length)
})

/** A server that begins what comes and never ends it. */
async function startVictim(t: TestContext, topic: string) {
  const victim = fork(HANGING_SERVER, [node.transportUrl, topic])
  t.after(() => victim.kill('SIGKILL'))
  assert.deepEqual(await once(victim, 'message'), ['serving', undefined])
  const begun: unknown[] = []
  victim.on('message', (message) => begun.push((message as { begun: unknown }).begun))
  return { victim, begun }
}

test('when a server is killed, its call goes to another one, and a cast is never begun twice', async (t) => {
  const another = busesOf(t)
  const caller = another()
  const { victim, begun } = await startVictim(t, 'fragile')

  const reply = caller.call('fragile', 'call', 'question', ask)
  await caller.cast('fragile', 'cast', 'hint 1', meta)
  await eventually(() => begun.length === 2)
  victim.kill('SIGKILL')
  const handled: unknown[] = []
  const take = async (payload: unknown) => (handled.push(payload), 'answered by another')
  await another().serve('fragile', { call: take, cast: take })
  assert.equal(await reply, 'answered by another')
  // Whatever is to come again came before this.
  await caller.cast('fragile', 'cast', 'hint 2', meta)
  await eventually(() => handled.includes('hint 2'))
  assert.deepEqual(handled, ['question', 'hint 2'])
})

test('what one server keeps without an answer is asked again, of another one', async (t) => {
  const another = busesOf(t)
  const hanging = fork(HANGING_SERVER, [node.transportUrl, 'patient'])
  t.after(() => hanging.kill('SIGKILL'))
  assert.deepEqual(await once(hanging, 'message'), ['serving', undefined])
  const kept: unknown[] = []
  hanging.on('message', (message) => kept.push((message as { begun: unknown }).begun))
  await another().serve('patient', { call: async (payload) => payload })
  const caller = another()
  const questions = ['first', 'second', 'third', 'fourth']
  const replies = questions.map((each) => caller.call('patient', 'call', each, { ...ask, againMs: 50 }))
  assert.deepEqual(await Promise.all(replies), questions)
  assert.ok(kept.length > 0, 'the one that hangs had some of them')
})

test('a hint reaches a server of a version that knew no queue of hints', async (t) => {
  const { default: amqp } = await import('amqplib')
  const earlier = await amqp.connect(node.transportUrl.replace('rabbit:', 'amqp:'))
  t.after(() => earlier.close())
  const channel = await earlier.createChannel()
  const kind = { 'x-queue-type': 'quorum', 'x-delivery-limit': 5, 'x-expires': 3_600_000 }
  await channel.assertQueue('kilonova.earlier', { durable: true, arguments: kind })
  const methods: unknown[] = []
  const take = (message: { properties: { type: unknown } } | null) =>
    void methods.push(message?.properties.type)
  await channel.consume('kilonova.earlier', take, { noAck: true })
  const caller = busesOf(t)()
  for (const method of ['first', 'second']) await caller.cast('earlier', method, null, meta)
  await eventually(() => methods.length === 2)
  assert.deepEqual(new Set(methods), new Set(['first', 'second']))
})

test('calls of one moment, and their answers, are one message; a server of a version that knows none is asked for each', async (t) => {
  const { default: amqp } = await import('amqplib')
  const connection = await amqp.connect(node.transportUrl.replace('rabbit:', 'amqp:'))
  t.after(() => connection.close())
  const channel = await connection.createChannel()
  const caller = busesOf(t)()
  const server = await caller.serve('packed', { echo: async (payload) => payload })
  await server.close()
  const echo = (payload: unknown) => caller.call('packed', 'echo', payload, { ...ask, packs: true })
  const seen: unknown[] = []
  // It answers as servers did before there were packs.
  const take = (message: ConsumeMessage | null) => {
    if (!message) return
    const { type, messageId, replyTo } = message.properties
    seen.push(type)
    const reply =
      type === 'echo'
        ? { ok: JSON.parse(message.content.toString()) as unknown }
        : { kind: 'notImplemented', message: 'Topic packed has no such method.' }
    channel.sendToQueue(replyTo as string, Buffer.from(JSON.stringify(reply)), {
      messageId: messageId as string,
    })
  }
  const { consumerTag } = await channel.consume('kilonova.packed', take, { noAck: true })
  const numbers = [1, 2, 3]
  assert.deepEqual(await Promise.all(numbers.map(echo)), numbers)
  assert.deepEqual(await Promise.all(numbers.map(echo)), numbers)
  assert.deepEqual(seen, ['kilonova.pack', ...Array<string>(6).fill('echo')])
  await channel.cancel(consumerTag)

  // One that knows them begins all in one turn of the event loop.
  let begun = 0
  let atOnce = 0
  await busesOf(t)().serve('together', {
    echo: async (payload) => {
      if (++begun === 1) setImmediate(() => (atOnce = begun))
      return payload
    },
  })
  const all = Array.from({ length: 30 }, (_, n) => n)
  const echoed = all.map((n) => caller.call('together', 'echo', n, { ...ask, packs: true }))
  assert.deepEqual(await Promise.all(echoed), all)
  assert.equal(atOnce, 30)
})

test('a pack goes to another server when the one that has it is killed', async (t) => {
  const another = busesOf(t)
  const caller = another()
  const { victim, begun } = await startVictim(t, 'brittle')
  const questions = ['first', 'second', 'third']
  const replies = questions.map((each) => caller.call('brittle', 'call', each, { ...ask, packs: true }))
  await eventually(() => begun.length === 3)
  victim.kill('SIGKILL')
  await another().serve('brittle', { call: async (payload) => `${String(payload)} answered` })
  assert.deepEqual(
    await Promise.all(replies),
    questions.map((each) => `${each} answered`),
  )
})

test('the broker is lost and comes back: calls wait, casts do not, nothing is run twice', async (t) => {
  const another = busesOf(t)
  const [caller, server] = [another(), another()]
  const runs = new Map<unknown, number>()
  let finish: (() => void) | undefined
  const count = (payload: unknown) => runs.set(payload, (runs.get(payload) ?? 0) + 1)
  await server.serve('stormy', {
    quick: async (payload) => (count(payload), payload),
    slow: async (payload) => {
      count(payload)
      await new Promise<void>((resolve) => (finish = resolve))
      return payload
    },
  })
  // RabbitMQ 3.10 may never mend a quorum queue that it made within the second, on a busy machine two, before it was killed.
  await pass(server, 4_000)
  const slow = caller.call('stormy', 'slow', 'slow', { ...meta, timeoutMs: 60_000 })
  await eventually(() => finish !== undefined)
  await node.kill()
  await eventually(() => !caller.isConnected() && !server.isConnected())

  const asked = [1, 2, 3].map((n) => caller.call('stormy', 'quick', n, { ...meta, timeoutMs: 60_000 }))
  await assert.rejects(
    caller.call('stormy', 'quick', 'hasty', { ...meta, timeoutMs: 50 }),
    (error: unknown) => {
      assert.ok(error instanceof BusTimeout)
      return /no connection to the message broker/.test(error.message)
    },
  )
  await caller.cast('stormy', 'quick', 'cast into the void', meta)
  const newcomer = another()
  await newcomer.serve('fair', { hello: async () => 'here' })
  finish?.()

  await node.start()
  assert.equal(await slow, 'slow')
  assert.deepEqual(await Promise.all(asked), [1, 2, 3])
  assert.equal(await caller.call('fair', 'hello', null, ask), 'here')
  assert.deepEqual(Object.fromEntries(runs), { slow: 1, 1: 1, 2: 1, 3: 1 })
  const restarted = await Promise.all(
    Array.from({ length: 20 }, (_, n) => caller.call('stormy', 'quick', `n${n}`, ask)),
  )
  assert.equal(restarted.length, 20)
})

test('a bus closes in the middle of everything, with and without a broker', async () => {
  const bus = make()
  await bus.serve('closing', { echo: async (payload) => payload })
  await node.kill()
  const waiting = assert.rejects(bus.call('closing', 'echo', 1, ask), { kind: 'unavailable' })
  await bus.close()
  await waiting
  await assert.rejects(bus.call('closing', 'echo', 1, ask), { kind: 'unavailable' })
})
