/** The queues, of stable names, so that whoever comes back finds what was meant for it. */
import type { Channel } from 'amqplib'

/** A message given back this often killed each of its servers: it is dropped. */
const MAX_DELIVERIES = 5

/** Nova's own queues in the same virtual host stay apart. A queue's arguments cannot change: other arguments want another name. */
export const queueOf = (topic: string): string => `kilonova.${topic}`

/** The queue of what is cast to a topic. */
export const hintsOf = (topic: string): string => `${queueOf(topic)}.hints`

/** A topic's queue lives on any majority of the brokers. It goes when nobody has consumed from it for `idleMs`. */
export async function declareTopic(channel: Channel, queue: string, idleMs: number): Promise<void> {
  const kind = { 'x-queue-type': 'quorum', 'x-delivery-limit': MAX_DELIVERIES, 'x-expires': idleMs }
  await channel.assertQueue(queue, { durable: true, arguments: kind })
}

/**
 * A queue of hints lives on one broker, and its messages in that broker's memory: whatever is lost, a poll finds. It
 * costs a third of a quorum queue, which writes each message down. The queue itself is durable, because brokers from 4.3
 * on refuse queues that are neither durable nor one connection's own.
 */
export async function declareHints(channel: Channel, queue: string, idleMs: number): Promise<void> {
  const kind = { 'x-queue-type': 'classic', 'x-expires': idleMs }
  await channel.assertQueue(queue, { durable: true, arguments: kind })
}

/**
 * A queue of answers lives on one broker: there is one for each process that asks, and when it is lost, all
 * is asked again. A quorum queue that its broker lost would hold up everybody who answers to it.
 */
export async function declareReplies(channel: Channel, queue: string, idleMs: number): Promise<void> {
  const kind = { 'x-queue-type': 'classic', 'x-expires': idleMs }
  await channel.assertQueue(queue, { durable: true, arguments: kind })
}

/** Closes without waiting: when the connection ends meanwhile, amqplib never says that the channel closed. */
export function letGo(channel: Channel): void {
  channel.close().catch(() => undefined)
}
