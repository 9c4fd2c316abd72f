/** A queue that is consumed from for as long as we want, over all connections: subscribed to again whenever that ends. */
import type { Channel, ConsumeMessage } from 'amqplib'
import { unlessAborted } from '#lib/abort.ts'
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import { messageOf } from '#lib/undo.ts'
import { type Link, pauseMs } from './link.ts'
import { letGo } from './queues.ts'
import type { Session } from './session.ts'
import { within } from './within.ts'

export interface Subscription {
  readonly channel: Channel
  readonly tag: string
  readonly ended: Promise<void>
  readonly isOpen: boolean
}

export interface KeptSubscription {
  /** Resolves when messages come in for the first time. */
  readonly begun: Promise<void>
  /** Resolves when that was tried for the first time. */
  readonly tried: Promise<void>
  current(): Subscription | undefined
  /** Whether no message lies in the queue for us alone; yes, too, when nobody can say. */
  isDrained(): Promise<boolean>
  /** Takes nothing more; what was taken may still be settled. */
  stop(): Promise<void>
}

export interface SubscriptionDeps {
  readonly link: Link
  readonly clock: Clock
  readonly log: Log
  readonly queue: string
  /** How many messages are given to us before we settle one. */
  readonly prefetch: number
  declare(channel: Channel, queue: string): Promise<void>
  receive(from: Subscription, message: ConsumeMessage): void
}

const MAX_PAUSE_MS = 3_000
/** Until a broker that does not begin to give out messages is tried again. */
const PATIENCE_MS = 10_000
/** How long a broker that hangs keeps us from stopping. */
const STOP_MS = 2_000

export function keepSubscribed(deps: SubscriptionDeps): KeptSubscription {
  const { link, clock, log, queue } = deps
  const stopping = new AbortController()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const { promise: tried, resolve: endTry } = Promise.withResolvers<void>()
  let subscription: Subscription | undefined

  async function keep(): Promise<void> {
    let said = ''
    for (let failures = 0; !stopping.signal.aborted; failures++) {
      const session = await link.open(stopping.signal)
      if (!session) return
      try {
        await unlessAborted(stopping.signal, consumeOn(session))
        failures = 0
        said = ''
      } catch (error) {
        if (stopping.signal.aborted) return
        const why = messageOf(error)
        // A broker that refuses the queue does so at each try: once is enough.
        if (session.isOpen && why !== said)
          log.warn({ queue, error: why }, 'the queue cannot be consumed from')
        said = why
      } finally {
        endTry()
      }
      // A new session comes by its own pauses; within one, we make them.
      if (session.isOpen)
        await clock.sleep(pauseMs(failures, MAX_PAUSE_MS), stopping.signal).catch(() => undefined)
    }
  }

  /** One subscription, until it ends. Rejects when it cannot be had. */
  async function consumeOn(session: Session): Promise<void> {
    const channel = await session.openChannel()
    const made = await within(clock, PATIENCE_MS, subscribe(channel, deps))
    if (!made || stopping.signal.aborted) {
      letGo(channel)
      throw new Error('the message broker does not give out its messages')
    }
    subscription = made
    begin()
    endTry()
    await made.ended
  }

  const current = () => (subscription?.isOpen ? subscription : undefined)
  const loop = keep()
  return {
    begun,
    tried,
    current,
    async isDrained() {
      const seen = await current()
        ?.channel.checkQueue(queue)
        .catch(() => undefined)
      return !seen || seen.messageCount === 0 || seen.consumerCount > 1
    },
    async stop() {
      stopping.abort()
      await loop
      endTry()
      const open = current()
      if (open) await within(clock, STOP_MS, cancel(open))
    },
  }
}

async function subscribe(channel: Channel, deps: SubscriptionDeps): Promise<Subscription> {
  const { queue, prefetch, declare, receive } = deps
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  let isOpen = true
  channel.on('close', () => {
    isOpen = false
    end()
  })
  await declare(channel, queue)
  await channel.prefetch(prefetch)
  const tag = `${queue}.${process.pid}.${Math.random().toString(36).slice(2)}`
  const subscription: Subscription = {
    channel,
    tag,
    ended,
    get isOpen() {
      return isOpen
    },
  }
  await channel.consume(
    queue,
    (message) => {
      // The queue is gone: it is made again with a new subscription.
      if (message === null) letGo(channel)
      else receive(subscription, message)
    },
    { consumerTag: tag },
  )
  return subscription
}

const cancel = ({ channel, tag }: Subscription): Promise<unknown> =>
  channel.cancel(tag).catch(() => undefined)
