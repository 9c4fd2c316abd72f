/**
 * A broker that loses, doubles, delays and reorders messages, keeps what nobody is there to take, and gives
 * what a dead consumer had taken to another one.
 */
import { type Bus, BusTimeout, type Handlers, type MessageMeta } from '#bus/port.ts'
import { Fault, isFault } from '#lib/fault.ts'
import { traced } from '#lib/trace.ts'
import { messageOf } from '#lib/undo.ts'
import type { Life } from './life.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How the broker behaves at the moment. */
export interface BusWeather {
  /** The delays, in milliseconds, of the copies of one message that arrive; none when it is lost. */
  fateOf(topic: string, method: string): readonly number[]
  /** Whether a message to nobody is kept until somebody comes. */
  keeps(): boolean
  isDown(): boolean
}

export interface Broker {
  connect(life: Life): Bus
  /** What was kept is delivered: somebody, or the broker itself, came back. */
  wake(): void
}

type Reply = { readonly ok: unknown } | { readonly error: Error }

interface Message {
  readonly topic: string
  readonly method: string
  readonly payload: string
  readonly requestId: string
  /** Of calls: when nobody waits any more. */
  readonly deadline: number
  readonly isCall: boolean
  answer(reply: Reply): void
}

interface Consumer {
  readonly life: Life
  readonly handlers: Handlers
  readonly running: Set<Promise<unknown>>
}

interface Queue {
  readonly consumers: Consumer[]
  turn: number
  kept: Message[]
}

const overTheWire = (value: unknown): string => JSON.stringify(value === undefined ? null : value)

export function createBroker(options: {
  readonly time: VirtualTime
  readonly weather: BusWeather
  tell(line: string): void
}): Broker {
  const { time, weather, tell } = options
  const queues = new Map<string, Queue>()
  const queueOf = (topic: string): Queue => {
    const queue = queues.get(topic) ?? { consumers: [], turn: 0, kept: [] }
    queues.set(topic, queue)
    return queue
  }

  const publish = (message: Message) => {
    const fates = weather.fateOf(message.topic, message.method)
    if (fates.length !== 1)
      tell(`${message.topic}.${message.method} ${fates.length === 0 ? 'is lost' : 'is doubled'}`)
    for (const ms of fates) time.after(ms, () => arrive(message))
  }

  const arrive = (message: Message) => {
    const queue = queueOf(message.topic)
    const able = queue.consumers.filter(({ life }) => life.alive && life.connected)
    const consumer = able[queue.turn++ % able.length]
    if (message.isCall && time.now() > message.deadline) return
    if (consumer && !weather.isDown()) void handle(consumer, message)
    else if (message.isCall || weather.keeps()) queue.kept.push(message)
    else tell(`${message.topic}.${message.method} finds nobody`)
  }

  const handle = async (consumer: Consumer, message: Message) => {
    const { method, requestId, topic } = message
    const handler = Object.hasOwn(consumer.handlers, method) ? consumer.handlers[method] : undefined
    tell(`${topic}.${method} comes to ${consumer.life.name}`)
    await consumer.life.awake()
    let isHandled = false
    // What was not acknowledged goes to somebody else, sometimes.
    consumer.life.onCut(() => {
      if (!isHandled && weather.keeps()) time.after(50, () => arrive(message))
    })
    const work = handler
      ? traced({ requestId }, () => handler(JSON.parse(message.payload), { requestId }))
      : Promise.reject(new Fault('notImplemented', `Topic ${topic} has no method ${method}.`))
    const reply = work.then(
      (ok): Reply => ({ ok: JSON.parse(overTheWire(ok)) as unknown }),
      (error: unknown): Reply => ({
        error: isFault(error) ? error : new Fault('internal', messageOf(error)),
      }),
    )
    consumer.running.add(reply)
    const answer = await reply
    consumer.running.delete(reply)
    if (!consumer.life.cross()) return
    isHandled = true
    if (!message.isCall || !consumer.life.connected || weather.isDown()) return
    for (const ms of weather.fateOf('reply', method)) time.after(ms, () => message.answer(answer))
  }

  const call = async (
    life: Life,
    topic: string,
    method: string,
    payload: unknown,
    { requestId, timeoutMs }: MessageMeta & { timeoutMs: number },
  ): Promise<unknown> => {
    if (!life.cross()) return life.never()
    const { promise, resolve } = Promise.withResolvers<Reply>()
    const deadline = time.now() + timeoutMs
    const message = {
      topic,
      method,
      payload: overTheWire(payload),
      requestId,
      deadline,
      isCall: true,
      answer: resolve,
    }
    if (life.connected && !weather.isDown()) publish(message)
    const late = `${topic}.${method} was not answered within ${timeoutMs} ms`
    const cancel = time.after(timeoutMs, () => resolve({ error: new BusTimeout(late) }))
    const reply = await promise
    cancel()
    await life.awake()
    if (!life.cross()) return life.never()
    if ('ok' in reply) return reply.ok
    throw reply.error
  }

  const redeliver = (queue: Queue) => {
    for (const message of queue.kept.splice(0)) time.after(1, () => arrive(message))
  }

  const serve = async (life: Life, topic: string, handlers: Handlers) => {
    if (!life.cross()) return life.never<never>()
    const consumer: Consumer = { life, handlers, running: new Set() }
    const queue = queueOf(topic)
    queue.consumers.push(consumer)
    redeliver(queue)
    const leave = () => {
      const at = queue.consumers.indexOf(consumer)
      if (at >= 0) queue.consumers.splice(at, 1)
    }
    life.onCut(leave)
    return {
      async close() {
        leave()
        while (consumer.running.size > 0) await Promise.all(consumer.running)
      },
    }
  }

  return {
    wake() {
      for (const queue of queues.values()) redeliver(queue)
    },
    connect: (life) => ({
      call: (topic, method, payload, meta) => call(life, topic, method, payload, meta),
      async cast(topic, method, payload, { requestId }) {
        if (!life.cross()) return life.never()
        const payloadText = overTheWire(payload)
        const deadline = Number.POSITIVE_INFINITY
        if (!life.connected || weather.isDown()) throw new Fault('unavailable', 'The broker does not answer.')
        publish({
          topic,
          method,
          payload: payloadText,
          requestId,
          deadline,
          isCall: false,
          answer: () => undefined,
        })
      },
      serve: (topic, handlers) => serve(life, topic, handlers),
      close: async () => undefined,
    }),
  }
}
