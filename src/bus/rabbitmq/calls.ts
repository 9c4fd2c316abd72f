/**
 * The calling side: questions on their way, and the one queue of this process to which all answers come.
 * The queue outlives a connection, so an answer given while we were away is still there.
 */
import type { ConsumeMessage } from 'amqplib'
import type { Clock } from '#lib/clock.ts'
import { Fault } from '#lib/fault.ts'
import type { Log } from '#lib/log.ts'
import { messageOf } from '#lib/undo.ts'
import { outcomeOf, readReply, type Reply } from '../answer.ts'
import { BusTimeout, type MessageMeta } from '../port.ts'
import type { Link } from './link.ts'
import { queueOf } from './queues.ts'
import type { Session } from './session.ts'

export interface CallOptions extends MessageMeta {
  readonly timeoutMs: number
}

export interface Calls {
  /** Rejects with `BusTimeout`, the handler's fault, or `unavailable` when too many wait or the bus closes. */
  call(topic: string, method: string, body: Buffer, options: CallOptions): Promise<unknown>
  /** Ends all calls, and removes the queue of answers. */
  close(): Promise<void>
}

/** More calls than this waiting at once means that nothing is answered any more. */
const MAX_WAITING = 10_000
/** Until another try when the broker does not take a question, or nobody serves its topic yet. */
const RETRY_MS = 200
/** The answers' queue of a process that died vanishes after this. */
const REPLIES_IDLE_MS = 10 * 60_000
const REPLY_PREFETCH = 256

export function createCalls(deps: { link: Link; clock: Clock; log: Log; name: string }): Calls {
  const { link, clock, log, name } = deps
  const replyTo = queueOf(`reply.${name}`)
  const waiting = new Map<string, (reply: Reply) => void>()
  const closing = new AbortController()
  let listening: { session: Session; ready: Promise<void> } | undefined
  let serial = 0

  const take = (message: ConsumeMessage): void => {
    const id = String(message.properties.messageId)
    waiting.get(id)?.(readReply(message.content.toString()))
    waiting.delete(id)
  }

  /** Answers arrive on this session from now on. Rejects when the broker refuses. */
  function listen(session: Session): Promise<void> {
    if (listening?.session === session) return listening.ready
    const ready = consumeReplies(session, replyTo, take, closing.signal)
    listening = { session, ready }
    ready.catch(() => {
      if (listening?.ready === ready) listening = undefined
    })
    // A new session is listened to at once: there may be answers to what was asked before.
    void session.ended.then(listenAgain)
    return ready
  }

  async function listenAgain(): Promise<void> {
    const session = waiting.size > 0 ? await link.open(closing.signal) : undefined
    if (!session) return
    try {
      await listen(session)
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'answers do not arrive')
    }
  }

  /** Puts the question into the topic's queue; comes back when it lies there or nobody waits for it any more. */
  async function ask(question: Question, signal: AbortSignal): Promise<void> {
    const { topic, method, body, requestId, id, deadline } = question
    while (!signal.aborted) {
      const session = await link.open(signal)
      if (!session) return
      try {
        await listen(session)
        const lifeMs = deadline - clock.now()
        if (lifeMs <= 0) return
        const queue = queueOf(topic)
        const outcome = await session.publish({ queue, body, id, lifeMs, method, requestId, replyTo })
        if (outcome === 'stored') return
        // Unroutable: nobody has served the topic yet. Its first server makes the queue, not we: a broker
        // that makes one queue for two at a time may fail one of them.
      } catch (error) {
        log.warn({ topic, method, error: messageOf(error) }, 'the message broker does not take a call')
      }
      await clock.sleep(RETRY_MS, signal).catch(() => undefined)
    }
  }

  return {
    async call(topic, method, body, { requestId, timeoutMs }) {
      if (waiting.size >= MAX_WAITING) throw new Fault('unavailable', 'Too many calls wait for an answer.')
      const id = `${name}.${++serial}`
      const over = new AbortController()
      const signal = AbortSignal.any([over.signal, closing.signal])
      const reply = new Promise<Reply>((resolve) => waiting.set(id, resolve))
      const late = clock.sleep(timeoutMs, signal).then(
        () => new BusTimeout(lateness(topic, method, timeoutMs, link)),
        () => new Fault('unavailable', 'The bus is closed.'),
      )
      void ask({ topic, method, body, requestId, id, deadline: clock.now() + timeoutMs }, signal)
      try {
        const first = await Promise.race([reply, late])
        if (first instanceof Error) throw first
        return outcomeOf(first)
      } finally {
        waiting.delete(id)
        over.abort()
      }
    },
    async close() {
      closing.abort()
      const session = link.current()
      if (session && listening?.session === session) await session.remove(replyTo).catch(() => undefined)
    },
  }
}

interface Question {
  readonly topic: string
  readonly method: string
  readonly body: Buffer
  readonly requestId: string
  readonly id: string
  /** By the clock, in milliseconds. */
  readonly deadline: number
}

const lateness = (topic: string, method: string, timeoutMs: number, link: Link): string =>
  `${topic}.${method} was not answered within ${timeoutMs} ms` +
  (link.current() ? '' : ': there is no connection to the message broker')

/** Until the signal aborts, the session stands and falls with its answers. */
async function consumeReplies(
  session: Session,
  queue: string,
  take: (message: ConsumeMessage) => void,
  signal: AbortSignal,
): Promise<void> {
  await session.declare(queue, REPLIES_IDLE_MS)
  const channel = await session.openChannel()
  await channel.prefetch(REPLY_PREFETCH)
  let isOpen = true
  channel.on('close', () => {
    isOpen = false
    if (!signal.aborted) void session.close()
  })
  let unsettled: ConsumeMessage | undefined
  const settle = () => {
    // One acknowledgement for all that came in this turn.
    if (unsettled && isOpen) channel.ack(unsettled, true)
    unsettled = undefined
  }
  await channel.consume(queue, (message) => {
    if (message === null) {
      // Somebody removed the queue: it is made again with a new session.
      if (!signal.aborted) void session.close()
      return
    }
    if (unsettled === undefined) setImmediate(settle)
    unsettled = message
    take(message)
  })
}
