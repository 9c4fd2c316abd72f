/**
 * The bus within one process. It behaves like a broker: messages are JSON (nobody shares an object),
 * delivery is never re-entrant, servers of one topic take turns, and a call has a deadline.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { NOBODY_WAITS } from '#lib/abort.ts'
import { type Clock, systemClock } from '#lib/clock.ts'
import { Fault } from '#lib/fault.ts'
import { type Log, silentLog } from '#lib/log.ts'
import { answer, type Message, outcomeOf, overTheWire, type Reply } from './answer.ts'
import { type Bus, BusTimeout, type Handlers, type MessageMeta } from './port.ts'

interface Server {
  readonly handlers: Handlers
  readonly running: Set<Promise<unknown>>
}

interface Topic {
  readonly servers: Server[]
  turn: number
  /** Calls that wait for the topic's first server. */
  readonly waiting: Set<() => void>
}

/** A bus for services that live in one process. A cast to a topic nobody serves is lost; a call waits for a server until its deadline. */
export function createInProcessBus(options: { clock?: Clock; log?: Log } = {}): Bus {
  const { clock = systemClock, log = silentLog } = options
  const topics = new Map<string, Topic>()
  const inFlight = new Set<Promise<unknown>>()
  let closed = false
  /** The deadlines of calls that wait for an answer. */
  const deadlines = new Set<AbortController>()

  const topicOf = (name: string): Topic => {
    const topic = topics.get(name) ?? { servers: [], turn: 0, waiting: new Set() }
    topics.set(name, topic)
    return topic
  }

  const track = <T>(work: Promise<T>, ...sets: Set<Promise<unknown>>[]): Promise<T> => {
    const settled = work.then(
      () => undefined,
      () => undefined,
    )
    for (const set of sets) set.add(settled)
    void settled.then(() => sets.forEach((set) => set.delete(settled)))
    return work
  }

  const nextServer = (topic: Topic): Server | undefined => topic.servers[topic.turn++ % topic.servers.length]

  const deliver = (server: Server, message: Message): Promise<Reply> =>
    track(answer(server.handlers, message, log), server.running)

  /** Resolves when somebody serves the topic; the deadline is the caller's business. */
  async function untilServed(topic: Topic): Promise<void> {
    while (topic.servers.length === 0) {
      await new Promise<void>((resolve) => topic.waiting.add(resolve))
    }
  }

  function refuseWhenClosed(): void {
    if (closed) throw new Fault('unavailable', 'The bus is closed.')
  }

  async function answerOf(
    name: string,
    method: string,
    payload: unknown,
    meta: MessageMeta,
    deadline: AbortSignal,
  ): Promise<Reply | undefined> {
    const topic = topicOf(name)
    await nextTurn()
    for (;;) {
      await untilServed(topic)
      // Nobody waits for the answer any more: a broker would have expired the message.
      if (deadline.aborted) return undefined
      const server = nextServer(topic)
      if (server) return deliver(server, { topic: name, method, payload, meta })
    }
  }

  return {
    async call(name, method, payload, callOptions) {
      refuseWhenClosed()
      const deadline = new AbortController()
      deadlines.add(deadline)
      const late = clock.sleep(callOptions.timeoutMs, deadline.signal).then(
        () => new BusTimeout(`${name}.${method} was not answered within ${callOptions.timeoutMs} ms`),
        (reason: unknown) => reason as Error,
      )
      try {
        const first = await Promise.race([
          answerOf(name, method, overTheWire(payload), callOptions, deadline.signal),
          late,
        ])
        if (first === undefined) throw await late
        if (first instanceof Error) throw first
        return outcomeOf(first)
      } finally {
        deadlines.delete(deadline)
        deadline.abort(NOBODY_WAITS)
      }
    },

    async cast(name, method, payload, meta) {
      refuseWhenClosed()
      const message = overTheWire(payload)
      const delivery = nextTurn().then(async () => {
        const server = nextServer(topicOf(name))
        if (!server)
          log.debug(
            { topic: name, method, request_id: meta.requestId },
            'nobody serves the topic: message dropped',
          )
        else await deliver(server, { topic: name, method, payload: message, meta })
      })
      void track(delivery, inFlight)
    },

    async serve(name, handlers) {
      refuseWhenClosed()
      const topic = topicOf(name)
      const server: Server = { handlers, running: new Set() }
      topic.servers.push(server)
      for (const wake of topic.waiting) wake()
      topic.waiting.clear()
      return {
        async close() {
          const at = topic.servers.indexOf(server)
          if (at >= 0) topic.servers.splice(at, 1)
          while (server.running.size > 0) await Promise.all(server.running)
        },
      }
    },

    async close() {
      // Handlers may cast while they finish: drain until nothing is left, then refuse.
      const running = () => [
        ...inFlight,
        ...[...topics.values()].flatMap((topic) => topic.servers.flatMap((server) => [...server.running])),
      ]
      for (let left = running(); left.length > 0; left = running()) await Promise.all(left)
      closed = true
      for (const deadline of deadlines) deadline.abort(new Fault('unavailable', 'The bus is closed.'))
      topics.clear()
    },
  }
}
