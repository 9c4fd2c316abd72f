/**
 * The one queue of this process to which all answers come. It outlives a connection, so an answer that was
 * given while we were away is still there.
 */
import type { ConsumeMessage } from 'amqplib'
import type { Clock } from '#lib/clock.ts'
import { declareReplies, queueOf } from './queues.ts'
import type { Session } from './session.ts'
import { within } from './within.ts'

export interface Replies {
  /** Answers arrive on this session from now on; yields the queue to send them to. Rejects when the broker does not let us. */
  listen(session: Session): Promise<string>
  /** Removes the queue. */
  close(session: Session | undefined): Promise<void>
}

export interface RepliesDeps {
  /** Of this process, among all. */
  readonly name: string
  readonly clock: Clock
  take(message: ConsumeMessage): void
  /** The queue is lost, and what was sent to it: the next `listen` makes another one. */
  onLost(): void
}

/** The queue of a process that died vanishes after this. */
const IDLE_MS = 10 * 60_000
const PREFETCH = 256
/** Until another queue is tried. */
const PATIENCE_MS = 5_000

export function createReplies({ name, clock, take, onLost }: RepliesDeps): Replies {
  let generation = 1
  let closed = false
  let listening: { session: Session; queue: Promise<string> } | undefined

  async function begin(session: Session): Promise<string> {
    const queue = queueOf(`reply.${name}.${generation}`)
    try {
      if (await within(clock, PATIENCE_MS, consume(session, queue))) return queue
      throw new Error('the message broker does not give out answers')
    } catch (error) {
      // Lost with the broker that had it: another one makes another.
      if (session.isOpen) {
        generation++
        void session.close()
        onLost()
      }
      throw error
    }
  }

  async function consume(session: Session, queue: string): Promise<true> {
    const channel = await session.openChannel()
    await declareReplies(channel, queue, IDLE_MS)
    await channel.prefetch(PREFETCH)
    let isOpen = true
    channel.on('close', () => {
      isOpen = false
      if (!closed) void session.close()
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
        if (!closed) void session.close()
        return
      }
      if (unsettled === undefined) setImmediate(settle)
      unsettled = message
      take(message)
    })
    return true
  }

  return {
    listen(session) {
      if (listening?.session === session) return listening.queue
      const queue = begin(session)
      listening = { session, queue }
      queue.catch(() => {
        if (listening?.queue === queue) listening = undefined
      })
      return queue
    },
    async close(session) {
      closed = true
      if (!session || listening?.session !== session) return
      try {
        const channel = await session.openChannel()
        await channel.deleteQueue(await listening.queue)
      } catch {
        // It vanishes by itself.
      }
    },
  }
}
