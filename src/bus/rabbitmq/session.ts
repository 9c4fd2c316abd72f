/**
 * One connection to a broker, from open to its end: a channel to publish on, whose every message the
 * broker confirms or gives back, and channels for those who consume.
 */
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib'
import type { Clock } from '#lib/clock.ts'
import { within } from './within.ts'

/** What became of a message: it lies in its queue, has none, or nobody knows (publish again or let it go). */
export type Outcome = 'stored' | 'unroutable' | 'unsure'

export interface Publication {
  readonly queue: string
  readonly body: Buffer
  /** Unique among all messages on their way. */
  readonly id: string
  /** Milliseconds after which nobody wants it any more. */
  readonly lifeMs: number
  readonly method?: string
  readonly requestId?: string
  readonly replyTo?: string
}

export interface Session {
  /** Never rejects, never waits for another session. */
  publish(publication: Publication): Promise<Outcome>
  /** Makes the queue if it is not there yet. */
  declare(queue: string, idleMs: number): Promise<void>
  remove(queue: string): Promise<void>
  openChannel(): Promise<Channel>
  /** Resolves when the connection is over, for whatever reason; `reason` then says which. */
  readonly ended: Promise<void>
  readonly reason: string
  readonly isOpen: boolean
  close(): Promise<void>
}

const CLOSE_MS = 2_000
/** A message given back this often killed each of its servers: it is dropped. */
const MAX_DELIVERIES = 5

/** Opens the channel to publish on. Rejects, and leaves nothing open, when the broker refuses. */
export async function openSession(model: ChannelModel, clock: Clock): Promise<Session> {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const state = { isOpen: true, isBlocked: false, reason: 'closed' }
  const over = (reason?: string) => {
    if (state.isOpen && reason !== undefined) state.reason = reason
    state.isOpen = false
    end()
  }
  model.on('error', (error) => over(error.message))
  model.on('close', (error) => over(error?.message))
  // A broker short of memory or disk reads nothing more from us, while it goes on sending.
  model.on('blocked', () => (state.isBlocked = true))
  model.on('unblocked', () => (state.isBlocked = false))

  let closing: Promise<void> | undefined
  const close = () => {
    over()
    return (closing ??= disconnect(model, clock))
  }

  try {
    const sender = await model.createConfirmChannel()
    const returned = new Set<string>()
    sender.on('return', (message) => returned.add(String(message.properties.messageId)))
    sender.on('error', (error) => over(error.message))
    sender.on('close', () => void close())
    return {
      publish: async (publication) =>
        state.isOpen && !state.isBlocked ? publishOn(sender, publication, returned) : 'unsure',
      declare: (queue, idleMs) => withChannel(model, (channel) => declare(channel, queue, idleMs)),
      remove: (queue) => withChannel(model, (channel) => channel.deleteQueue(queue)),
      openChannel: () => listenedTo(model),
      ended,
      get reason() {
        return state.reason
      },
      get isOpen() {
        return state.isOpen
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function disconnect(model: ChannelModel, clock: Clock): Promise<void> {
  const polite = model.close().catch(() => undefined)
  await within(clock, CLOSE_MS, polite)
  // A broker that hangs never answers: the socket would keep this process alive.
  const { stream } = model.connection as { stream?: { destroy(): void } }
  stream?.destroy()
}

/** Every queue is a quorum queue of a stable name; it goes when nobody has used it for `idleMs`. */
function declare(channel: Channel, queue: string, idleMs: number): Promise<unknown> {
  const kind = { 'x-queue-type': 'quorum', 'x-delivery-limit': MAX_DELIVERIES, 'x-expires': idleMs }
  return channel.assertQueue(queue, { durable: true, arguments: kind })
}

/** A channel whose errors throw nothing by themselves: they fail what is under way on it, and it closes. */
async function listenedTo(model: ChannelModel): Promise<Channel> {
  const channel = await model.createChannel()
  channel.on('error', () => undefined)
  return channel
}

/** What may fail gets a channel of its own: a channel does not survive an error. */
async function withChannel(model: ChannelModel, work: (channel: Channel) => Promise<unknown>): Promise<void> {
  const channel = await listenedTo(model)
  await work(channel)
  // Not waited for: when the connection ends meanwhile, amqplib never says that the channel closed.
  channel.close().catch(() => undefined)
}

function publishOn(
  sender: ConfirmChannel,
  publication: Publication,
  returned: Set<string>,
): Promise<Outcome> {
  const { queue, body, id, lifeMs, method, requestId, replyTo } = publication
  const properties = {
    messageId: id,
    expiration: String(Math.max(1, Math.ceil(lifeMs))),
    contentType: 'application/json',
    persistent: true,
    mandatory: true,
    ...(method !== undefined && { type: method }),
    ...(requestId !== undefined && { headers: { request_id: requestId } }),
    ...(replyTo !== undefined && { replyTo }),
  }
  return new Promise((resolve) => {
    try {
      // The broker gives a message back before it confirms it.
      sender.sendToQueue(queue, body, properties, (error: unknown) => {
        const cameBack = returned.delete(id)
        resolve(error ? 'unsure' : cameBack ? 'unroutable' : 'stored')
      })
    } catch {
      resolve('unsure') // the channel closed under us: what ended the session is told there
    }
  })
}
