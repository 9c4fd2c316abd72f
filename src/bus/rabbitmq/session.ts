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
  /** Kept in the broker's memory only. */
  readonly isPassing?: boolean
}

export interface Session {
  /** Never rejects, never waits for another session. */
  publish(publication: Publication): Promise<Outcome>
  /** A channel of one's own: it does not survive an error, and fails what is under way on it. */
  openChannel(): Promise<Channel>
  /** Resolves when the connection is over, for whatever reason; `reason` then says which. */
  readonly ended: Promise<void>
  readonly reason: string
  readonly isOpen: boolean
  close(): Promise<void>
}

const CLOSE_MS = 2_000
/** What a broker has not confirmed for so long is given up. */
const CONFIRM_MS = 10_000

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
        (state.isOpen && !state.isBlocked
          ? await within(clock, CONFIRM_MS, publishOn(sender, publication, returned))
          : undefined) ?? 'unsure',
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

/** A channel whose errors throw nothing by themselves. */
async function listenedTo(model: ChannelModel): Promise<Channel> {
  const channel = await model.createChannel()
  channel.on('error', () => undefined)
  return channel
}

function publishOn(
  sender: ConfirmChannel,
  publication: Publication,
  returned: Set<string>,
): Promise<Outcome> {
  const { queue, body, id, lifeMs, method, requestId, replyTo, isPassing = false } = publication
  const properties = {
    messageId: id,
    expiration: String(Math.max(1, Math.ceil(lifeMs))),
    contentType: 'application/json',
    persistent: !isPassing,
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
