/** The bus over RabbitMQ, for services in processes of their own. Losing the broker stops nothing: see the port. */
import { type Clock, systemClock } from '#lib/clock.ts'
import { Fault } from '#lib/fault.ts'
import { type Ids, randomIds } from '#lib/ids.ts'
import { type Log, silentLog } from '#lib/log.ts'
import { createPaced } from '#lib/pace.ts'
import type { Bus } from '../port.ts'
import { createCalls } from './calls.ts'
import { createLink, type TlsFiles } from './link.ts'
import { hintsOf, queueOf } from './queues.ts'
import { createServing, type Serving } from './serving.ts'
import type { BrokerHost } from './transport-url.ts'
import { within } from './within.ts'

export interface RabbitMqOptions {
  /** Of one cluster; at least one. */
  readonly hosts: readonly BrokerHost[]
  readonly vhost?: string
  /** Undefined: no TLS. */
  readonly tls?: TlsFiles | undefined
  /** A connection that is silent for two of these is lost. */
  readonly heartbeatSeconds?: number | undefined
  /** How many messages of a topic are handled at a time. */
  readonly prefetch?: number | undefined
  readonly clock?: Clock
  readonly ids?: Ids
  readonly log?: Log
}

export interface RabbitMqBus extends Bus {
  /** Whether messages go out now. */
  isConnected(): boolean
}

const HEARTBEAT_SECONDS = 10
const PREFETCH = 64
const CONNECT_TIMEOUT_MS = 5_000
/** A broker that is back is found within this. */
const MAX_PAUSE_MS = 1_000
/** A hint older than this is worth less than the poll that came meanwhile. */
const CAST_LIFE_MS = 30_000
/** Until a topic that had no queue of hints is looked at again. */
const HINTLESS_MS = 5_000
/** Casts on their way to the broker; more are dropped. */
const MAX_CASTS = 10_000
/** How long closing waits for the broker. */
const DRAIN_MS = 2_000

/** In a storm, the least time between two nudges of one kind. */
const GATHER_MS = 60
const STORM = { works: 4, withinMs: 600, subjects: 3 }

interface Cast {
  readonly topic: string
  readonly method: string
  readonly body: Buffer
  readonly requestId: string
}

export function createRabbitMqBus(options: RabbitMqOptions): RabbitMqBus {
  const { clock = systemClock, ids = randomIds, log = silentLog } = options
  const link = createLink({
    hosts: options.hosts,
    vhost: options.vhost ?? '/',
    tls: options.tls,
    heartbeatSeconds: options.heartbeatSeconds ?? HEARTBEAT_SECONDS,
    maxPauseMs: MAX_PAUSE_MS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    clock,
    log,
  })
  const name = ids.uuid()
  const calls = createCalls({ link, clock, log, name })
  const servings = new Set<Serving>()
  const casts = new Set<Promise<void>>()
  /** By topic and method. */
  const nudges = new Map<string, (message: Cast) => void>()
  /** Topics whose servers have no queue of hints, and until when that is believed. */
  const hintless = new Map<string, number>()
  let serial = 0
  let closed = false
  let closing: Promise<void> | undefined

  function refuseWhenClosed(): void {
    if (closed) throw new Fault('unavailable', 'The bus is closed.')
  }

  /** Sends in the background, unless too much is on its way. Resolves when it is sent, or given up. */
  function post(message: Cast): Promise<void> {
    if (casts.size >= MAX_CASTS) {
      const { topic, method, requestId } = message
      log.debug({ topic, method, request_id: requestId }, 'too many casts on their way: message dropped')
      return Promise.resolve()
    }
    return onItsWay(send(message))
  }

  function onItsWay(sent: Promise<void>): Promise<void> {
    casts.add(sent)
    void sent.finally(() => casts.delete(sent))
    return sent
  }

  /** Sends one for all of a moment. */
  function nudge(message: Cast): void {
    const kind = `${message.topic} ${message.method}`
    const known = nudges.get(kind) ?? nudging()
    nudges.set(kind, known)
    known(message)
  }

  function nudging(): (message: Cast) => void {
    let next: { readonly message: Cast; go(sent: Promise<void>): void } | undefined
    const come = createPaced({ clock, gatherMs: GATHER_MS, storm: STORM }, () => {
      next?.go(post(next.message))
      next = undefined
    })
    return (message) => {
      if (!next) {
        const { promise, resolve } = Promise.withResolvers<void>()
        next = { message, go: resolve }
        void onItsWay(promise)
      }
      come(message.requestId)
    }
  }

  async function send({ topic, method, body, requestId }: Cast): Promise<void> {
    await link.firstRound
    const hint = { body, lifeMs: CAST_LIFE_MS, method, requestId }
    const publish = (queue: string, isPassing: boolean) =>
      link.current()?.publish({ ...hint, queue, isPassing, id: `${name}.cast.${++serial}` })
    const isHintless = (hintless.get(topic) ?? 0) > clock.now()
    let outcome = isHintless ? 'unroutable' : await publish(hintsOf(topic), true)
    if (outcome === 'unroutable') {
      // Nobody made the queue (yet): a server of an earlier version, or a broker that has none of this kind.
      if (!isHintless) hintless.set(topic, clock.now() + HINTLESS_MS)
      outcome = await publish(queueOf(topic), false)
    }
    if (outcome !== 'stored') {
      const why = outcome === 'unroutable' ? 'nobody serves the topic' : 'the message broker does not take it'
      log.debug({ topic, method, request_id: requestId }, `${why}: message dropped`)
    }
  }

  async function close(): Promise<void> {
    await within(clock, DRAIN_MS, Promise.all(casts))
    await Promise.all([...servings].map((serving) => serving.drain(DRAIN_MS)))
    // Handlers may cast while they finish.
    await Promise.all([...servings].map((serving) => serving.close()))
    await within(clock, DRAIN_MS, Promise.all(casts))
    closed = true
    await within(clock, DRAIN_MS, calls.close())
    await link.close()
  }

  return {
    isConnected: () => link.current() !== undefined,

    async call(topic, method, payload, callOptions) {
      refuseWhenClosed()
      return calls.call(topic, method, encoded(payload), callOptions)
    },

    async cast(topic, method, payload, { requestId, nudges = false }) {
      refuseWhenClosed()
      const message: Cast = { topic, method, body: encoded(payload), requestId }
      if (nudges) nudge(message)
      else void post(message)
    },

    async serve(topic, handlers) {
      refuseWhenClosed()
      const serving = createServing(topic, handlers, {
        link,
        clock,
        log,
        prefetch: options.prefetch ?? PREFETCH,
      })
      servings.add(serving)
      // Without a broker the service starts all the same, and is served as soon as there is one.
      await link.firstRound
      if (link.current()) await within(clock, DRAIN_MS, serving.begun)
      return {
        async close() {
          await serving.close()
          servings.delete(serving)
        },
      }
    },

    close: () => (closing ??= close()),
  }
}

const encoded = (payload: unknown): Buffer => Buffer.from(JSON.stringify(payload ?? null))
