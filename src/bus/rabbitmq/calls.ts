/** The calling side: questions on their way, and who waits for their answers. */
import { NOBODY_WAITS } from '#lib/abort.ts'
import type { Clock } from '#lib/clock.ts'
import { Fault } from '#lib/fault.ts'
import type { Log } from '#lib/log.ts'
import { messageOf } from '#lib/undo.ts'
import { outcomeOf, readReply, type Reply, replyOf } from '../answer.ts'
import { BusTimeout, type CallOptions } from '../port.ts'
import type { Link } from './link.ts'
import { PACK, packedCalls, packsOf, repliesIn } from './pack.ts'
import { queueOf } from './queues.ts'
import { createReplies } from './replies.ts'
import type { Session } from './session.ts'

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
/** Until a topic that has a server of an earlier version is sent packs again. */
const PACKLESS_MS = 60_000

export function createCalls(deps: { link: Link; clock: Clock; log: Log; name: string }): Calls {
  const { link, clock, log, name } = deps
  const waiting = new Map<string, Question>()
  const closing = new AbortController()
  /** What was asked in packs, by the pack's id, until nobody waits for any of it. */
  const packs = new Map<string, readonly Question[]>()
  /** Topics whose servers do not all know packs, and until when that is believed. */
  const packless = new Map<string, number>()
  /** Calls of this turn of the event loop that may go together. */
  const gathering = new Map<string, Question[]>()
  let serial = 0

  const settle = (id: string, reply: Reply): void => {
    waiting.get(id)?.resolve(reply)
    waiting.delete(id)
  }

  const replies = createReplies({
    name,
    clock,
    take(message) {
      const id = String(message.properties.messageId)
      const text = message.content.toString()
      if (message.properties.type === PACK)
        for (const part of repliesIn(text)) settle(part.id, replyOf(part.reply))
      else if (packs.has(id)) askEach(id)
      else settle(id, readReply(text))
    },
    onLost() {
      log.warn({ waiting: waiting.size }, 'the queue of answers is lost: everything is asked again')
      for (const question of waiting.values()) if (question.isStored) void ask(question)
    },
  })

  /** Puts the question into the topic's queue; comes back when it lies there or nobody waits for it any more. */
  async function ask(question: Question): Promise<void> {
    const { topic, signal, deadline, ...rest } = question
    question.isStored = false
    while (!signal.aborted) {
      const session = await link.open(signal)
      if (!session) return
      try {
        const replyTo = await replies.listen(session)
        const lifeMs = deadline - clock.now()
        if (lifeMs <= 0) return
        const outcome = await session.publish({ ...rest, queue: queueOf(topic), lifeMs, replyTo })
        question.isStored = outcome === 'stored'
        if (question.isStored) return listenAfter(session)
        // Unroutable: nobody has served the topic yet. Its first server makes the queue, not we: a broker
        // that makes one queue for two at a time may fail one of them.
      } catch (error) {
        log.warn(
          { topic, method: rest.method, error: messageOf(error) },
          'the message broker does not take a call',
        )
      }
      await clock.sleep(RETRY_MS, signal).catch(() => undefined)
    }
  }

  /** Asks with others of the same turn. */
  function askTogether(question: Question): void {
    const kind = `${question.topic} ${question.method}`
    const others = gathering.get(kind)
    if (others) return void others.push(question)
    gathering.set(kind, [question])
    setImmediate(() => {
      const questions = gathering.get(kind) ?? []
      gathering.delete(kind)
      for (const pack of packsOf(questions))
        void (pack.length === 1 && pack[0] ? ask(pack[0]) : askPack(pack))
    })
  }

  /** As `ask` for all of a pack, which is tried once; what it does not come to is asked for each. */
  async function askPack(all: readonly Question[]): Promise<void> {
    const session = link.current()
    try {
      const replyTo = await (session && replies.listen(session))
      const questions = all.filter(({ signal }) => !signal.aborted)
      const [first] = questions
      if (session && replyTo !== undefined && first) {
        const id = `${name}.pack.${++serial}`
        forgetPacks()
        packs.set(id, questions)
        const lifeMs = Math.min(...questions.map(({ deadline }) => deadline)) - clock.now()
        const pack = { queue: queueOf(first.topic), body: packedCalls(questions), id, method: PACK }
        if ((await session.publish({ ...pack, lifeMs, replyTo })) === 'stored') {
          for (const question of questions) question.isStored = true
          return listenAfter(session)
        }
        packs.delete(id)
      }
    } catch (error) {
      log.warn({ calls: all.length, error: messageOf(error) }, 'the message broker does not take calls')
    }
    for (const question of all) void ask(question)
  }

  function forgetPacks(): void {
    for (const [id, questions] of packs) if (questions.every(({ signal }) => signal.aborted)) packs.delete(id)
  }

  /** A pack was answered as a whole: by a server that does not know what it is. */
  function askEach(packId: string): void {
    const questions = packs.get(packId) ?? []
    packs.delete(packId)
    const [first] = questions
    if (!first) return
    log.info({ topic: first.topic }, 'a server of an earlier version takes calls one by one')
    packless.set(first.topic, clock.now() + PACKLESS_MS)
    for (const question of questions) void ask(question)
  }

  /** One server may have it and stand still; the same server, given it again, knows that it has it. */
  async function insist(question: Question, againMs: number): Promise<void> {
    const { topic, method, signal } = question
    for (let pause = againMs; ; pause *= 2) {
      await clock.sleep(pause, signal).catch(() => undefined)
      if (signal.aborted) return
      if (!question.isStored) continue
      log.info({ topic, method, ms: pause }, 'nobody answers: asked again')
      await ask(question)
    }
  }

  /** After this session, answers come on the next one. */
  function listenAfter(session: Session): void {
    if (listenedAfter === session) return
    listenedAfter = session
    void session.ended.then(listenAgain)
  }
  let listenedAfter: Session | undefined

  async function listenAgain(): Promise<void> {
    while (waiting.size > 0) {
      const session = await link.open(closing.signal)
      if (!session) return
      try {
        await replies.listen(session)
        return listenAfter(session)
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'answers do not arrive')
        await clock.sleep(RETRY_MS, closing.signal).catch(() => undefined)
      }
    }
  }

  return {
    async call(topic, method, body, { requestId, timeoutMs, againMs, packs: mayPack = false }) {
      if (waiting.size >= MAX_WAITING) throw new Fault('unavailable', 'Too many calls wait for an answer.')
      const id = `${name}.${++serial}`
      const over = new AbortController()
      const signal = AbortSignal.any([over.signal, closing.signal])
      const { promise: reply, resolve } = Promise.withResolvers<Reply>()
      const deadline = clock.now() + timeoutMs
      const question = { topic, method, body, requestId, id, deadline, signal, resolve, isStored: false }
      waiting.set(id, question)
      const late = clock.sleep(timeoutMs, signal).then(
        () => new BusTimeout(lateness(topic, method, timeoutMs, link)),
        (reason: unknown) =>
          reason === NOBODY_WAITS ? NOBODY_WAITS : new Fault('unavailable', 'The bus is closed.'),
      )
      if (mayPack && (packless.get(topic) ?? 0) <= clock.now()) askTogether(question)
      else void ask(question)
      if (againMs !== undefined) void insist(question, againMs)
      try {
        const first = await Promise.race([reply, late])
        if (first instanceof Error) throw first
        return outcomeOf(first)
      } finally {
        waiting.delete(id)
        over.abort(NOBODY_WAITS)
      }
    },
    async close() {
      closing.abort()
      await replies.close(link.current())
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
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  readonly resolve: (reply: Reply) => void
  /** It lies in its topic's queue, or is answered already. */
  isStored: boolean
}

const lateness = (topic: string, method: string, timeoutMs: number, link: Link): string =>
  `${topic}.${method} was not answered within ${timeoutMs} ms` +
  (link.current() ? '' : ': there is no connection to the message broker')
