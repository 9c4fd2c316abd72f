/** Reading a fixed number of bytes from a stream that will be piped afterwards. */
import { once } from 'node:events'
import type { Readable } from 'node:stream'

/** The stream ended before all bytes came. */
export class EndedEarly extends Error {
  override readonly name = 'EndedEarly'
}

/** Takes exactly `count` bytes; what came after them stays in the stream. Rejects when it ends first, fails, or `signal` aborts. */
export async function readExactly(stream: Readable, count: number, signal: AbortSignal): Promise<Buffer> {
  for (;;) {
    const chunk = stream.read(count) as Buffer | null
    if (chunk !== null && chunk.length === count) return chunk
    if (chunk !== null || stream.readableEnded || stream.destroyed)
      throw new EndedEarly('the connection ended early')
    const done = new AbortController()
    const either = { signal: AbortSignal.any([signal, done.signal]) }
    try {
      await Promise.race([
        once(stream, 'readable', either),
        once(stream, 'end', either),
        once(stream, 'close', either),
      ])
    } finally {
      done.abort()
    }
  }
}
