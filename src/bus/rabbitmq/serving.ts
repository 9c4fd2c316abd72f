/**
 * The serving side of a topic: its own queue, and that of its hints. A message is acknowledged when its handler is through: a call whose server
 * dies goes to another one, within its deadline; a cast that may have been begun is never begun again.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ConsumeMessage } from 'amqplib'
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import { answer, type Reply } from '../answer.ts'
import type { Handlers } from '../port.ts'
import type { Link } from './link.ts'
import { callsIn, PACK, packedReplies, type PackedReply } from './pack.ts'
import { declareHints, declareTopic, hintsOf, queueOf } from './queues.ts'
import { keepSubscribed, type Subscription } from './subscription.ts'
import { within } from './within.ts'

export interface Serving {
  /** Resolves when messages come in for the first time. */
  readonly begun: Promise<void>
  /** While nobody else serves the topic: waits, at most `ms`, until nothing lies in its queues. */
  drain(ms: number): Promise<void>
  /** Takes nothing more, and finishes what runs. */
  close(): Promise<void>
}

export interface ServingDeps {
  readonly link: Link
  readonly clock: Clock
  readonly log: Log
  /** How many messages are handled at a time. */
  readonly prefetch: number
}

/** A call that was begun here, until its acknowledgement is out: given to us again, it is not run again. */
interface Begun {
  readonly work: Promise<Reply>
  readonly until: number
}

/** The queue of a topic that nobody serves goes after this: a host that is gone leaves none. */
const TOPIC_IDLE_MS = 60 * 60_000
const POLL_MS = 10
const RETRY_MS = 100
/** How long a broker that hangs keeps us from closing. */
const CLOSE_MS = 2_000
/** Of a message without an expiration: none of ours. */
const DEFAULT_LIFE_MS = 60_000

export function createServing(topic: string, handlers: Handlers, deps: ServingDeps): Serving {
  const { link, clock, log } = deps
  const running = new Set<Promise<unknown>>()
  const delivering = new Set<Promise<void>>()
  const begunCalls = new Map<string, Begun>()

  function forgetExpired(): void {
    const now = clock.now()
    for (const [id, { until }] of begunCalls) if (until < now) begunCalls.delete(id)
  }

  function receive(from: Subscription, message: ConsumeMessage): void {
    void keep(delivering, handle(from, message))
  }

  async function handle(from: Subscription, message: ConsumeMessage): Promise<void> {
    const { messageId, replyTo, expiration, type } = message.properties
    const id = String(messageId)
    const method = String(type)
    const lifeMs = Number(expiration ?? DEFAULT_LIFE_MS)
    const isCall = typeof replyTo === 'string'
    if (isCall && method === PACK) return handlePack(from, message, { replyTo, id, lifeMs })
    if (!isCall && message.fields.redelivered) {
      log.debug({ topic, method }, 'a cast that may have been begun elsewhere: message dropped')
      settle(from, message)
      return
    }
    const work = () => run(method, message)
    const reply = isCall ? await begin(id, lifeMs, work) : await within(clock, lifeMs, keep(running, work()))
    const answered = !isCall || !reply || (await sendReply(replyTo, { id, body: encoded(reply) }, lifeMs))
    if (answered && settle(from, message)) begunCalls.delete(id)
  }

  /** Each of its calls is one of its own; the pack is acknowledged when all are answered. */
  async function handlePack(
    from: Subscription,
    message: ConsumeMessage,
    { replyTo, id: packId, lifeMs }: { replyTo: string; id: string; lifeMs: number },
  ): Promise<void> {
    const calls = callsIn(message.content.toString())
    if (!calls) {
      const reply: Reply = { kind: 'badRequest', message: `The message to ${topic} is no pack of calls.` }
      if (await sendReply(replyTo, { id: packId, body: encoded(reply) }, lifeMs)) settle(from, message)
      return
    }
    const tell = answersTo(replyTo, lifeMs)
    const answered = await Promise.all(
      calls.map(async ({ id, method, payload, requestId }) => {
        const work = () => answer(handlers, { topic, method, payload, meta: { requestId } }, log)
        const reply = await begin(id, lifeMs, work)
        return !reply || tell({ id, reply })
      }),
    )
    if (answered.every(Boolean) && settle(from, message)) for (const { id } of calls) begunCalls.delete(id)
  }

  /** What comes of a call, which is run once however often it is given to us; undefined after its life. */
  function begin(id: string, lifeMs: number, work: () => Promise<Reply>): Promise<Reply | undefined> {
    const begun = begunCalls.get(id) ?? { work: keep(running, work()), until: clock.now() + lifeMs }
    begunCalls.set(id, begun)
    // After its life nobody waits for it: it no longer keeps others out.
    return within(clock, lifeMs, begun.work)
  }

  async function run(method: string, message: ConsumeMessage): Promise<Reply> {
    const meta = { requestId: String(message.properties.headers?.['request_id'] ?? '') }
    let payload: unknown
    try {
      payload = JSON.parse(message.content.toString())
    } catch {
      log.warn({ topic, method }, 'a message that is no JSON')
      return { kind: 'badRequest', message: `The message to ${topic}.${method} is no JSON.` }
    }
    return answer(handlers, { topic, method, payload, meta }, log)
  }

  /** Sends answers; those of one turn of the event loop go together. */
  function answersTo(to: string, lifeMs: number): (answer: PackedReply) => Promise<boolean> {
    let ready: PackedReply[] = []
    let sending: Promise<boolean> | undefined
    const send = (): Promise<boolean> => {
      const [first, ...others] = ready
      const together = { id: `${first?.id}.pack`, body: packedReplies(ready), method: PACK }
      ready = []
      sending = undefined
      const alone = first && others.length === 0 && { id: first.id, body: encoded(first.reply) }
      return sendReply(to, alone || together, lifeMs)
    }
    return (given) => {
      ready.push(given)
      return (sending ??= nextTurn().then(send))
    }
  }

  /** Whether the answer is out, or nobody wants it; when not, the call comes again and finds its answer. */
  async function sendReply(
    to: string,
    what: { readonly id: string; readonly body: Buffer; readonly method?: string },
    lifeMs: number,
  ): Promise<boolean> {
    const deadline = clock.now() + lifeMs
    while (clock.now() < deadline) {
      const session = link.current()
      if (!session) return false
      const outcome = await session.publish({ ...what, queue: to, lifeMs: deadline - clock.now() })
      if (outcome !== 'unsure') return true
      await clock.sleep(RETRY_MS)
    }
    return true
  }

  const shared = { ...deps, receive }
  const topicQueue = keepSubscribed({
    ...shared,
    queue: queueOf(topic),
    async declare(channel, queue) {
      forgetExpired()
      await declareTopic(channel, queue, TOPIC_IDLE_MS)
    },
  })
  // Where it cannot be had, hints come with everything else.
  const hints = keepSubscribed({
    ...shared,
    queue: hintsOf(topic),
    declare: (channel, queue) => declareHints(channel, queue, TOPIC_IDLE_MS),
  })
  const queues = [topicQueue, hints]
  return {
    begun: Promise.all([topicQueue.begun, hints.tried]).then(() => undefined),
    async drain(ms) {
      const end = clock.now() + ms
      while (clock.now() < end) {
        const drained = await Promise.all(queues.map((queue) => queue.isDrained()))
        if (drained.every(Boolean)) return
        await clock.sleep(POLL_MS)
      }
    },
    async close() {
      await Promise.all(queues.map((queue) => queue.stop()))
      while (running.size > 0) await Promise.all(running)
      await within(clock, CLOSE_MS, Promise.all(delivering))
      await Promise.all(
        queues.map(async (queue) => {
          const closing = queue.current()?.channel.close()
          if (closing)
            await within(
              clock,
              CLOSE_MS,
              closing.catch(() => undefined),
            )
        }),
      )
    },
  }
}

const encoded = (reply: Reply): Buffer => Buffer.from(JSON.stringify(reply))

/** Keeps `work`, which never rejects, in the set until it is done. */
function keep<T>(set: Set<Promise<unknown>> | Set<Promise<T>>, work: Promise<T>): Promise<T> {
  set.add(work)
  void work.finally(() => set.delete(work))
  return work
}

/** Acknowledges; whether it could still be said. */
function settle({ channel, isOpen }: Subscription, message: ConsumeMessage): boolean {
  if (!isOpen) return false
  channel.ack(message)
  return true
}
