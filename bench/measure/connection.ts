/**
 * One HTTP/1.1 connection that lets answers pass by. It keeps nothing and makes next to nothing for each answer: what an
 * HTTP client leaves to the garbage collector of this process (some 120 KiB for each answer of that size) would
 * be half of the slowest hundredth of what is timed.
 */
import { connect, type Socket } from 'node:net'

export interface Passed {
  readonly status: number
  /** Of the body. */
  readonly bytes: number
}

export interface Connection {
  /**
   * The answer to a GET, or to a POST of a body, once the last byte of it is here. Rejects when the connection breaks
   * before. One at a time.
   */
  passBy(path: string, body?: string): Promise<Passed>
  close(): void
}

const END_OF_HEAD = '\r\n\r\n'

const bodyHead = (body: string): string =>
  `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`

export function connectionTo(origin: string, headers: Readonly<Record<string, string>>): Connection {
  const { hostname, port, host } = new URL(origin)
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = lines.join('')
  const buffer = Buffer.alloc(512 * 1024)
  let socket: Socket | undefined
  let missing = 0
  let status = 0
  let bytes = 0
  let pending: PromiseWithResolvers<Passed | undefined> | undefined

  function receive(length: number): boolean {
    if (status === 0) missing = beginAnswer(length)
    else missing -= length
    if (missing <= 0) pending?.resolve({ status, bytes })
    return true
  }

  /** Reads the head and answers how many bytes are still to come. A head comes whole: all of them fit one packet. */
  function beginAnswer(length: number): number {
    const end = buffer.indexOf(END_OF_HEAD)
    const text = buffer.toString('latin1', 0, end)
    status = Number(text.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length))
    const size = /^content-length: (\d+)/im.exec(text)?.[1]
    if (end < 0 || size === undefined) pending?.reject(new Error(`no answer of a known length: ${text}`))
    bytes = Number(size)
    return end + END_OF_HEAD.length + bytes - length
  }

  function open(): Socket {
    const made = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: { buffer, callback: receive },
    })
    let reason = new Error('the connection was closed')
    made.on('error', (error) => (reason = error))
    made.on('close', () => {
      if (socket !== made) return
      socket = undefined
      if (status === 0) pending?.resolve(undefined)
      else pending?.reject(reason)
    })
    socket = made
    return made
  }

  /** The answer to what is asked; undefined when the connection ended before a byte of it came. */
  function exchange(text: string): Promise<Passed | undefined> {
    pending = Promise.withResolvers()
    status = 0
    const here = socket ?? open()
    here.write(text, 'utf8')
    return pending.promise
  }

  return {
    async passBy(path, body) {
      const text =
        body === undefined
          ? `GET ${path} HTTP/1.1\r\n${head}\r\n`
          : `POST ${path} HTTP/1.1\r\n${head}${bodyHead(body)}\r\n${body}`
      // A server may close between two answers without a word, as uWSGI does after each.
      const answer = (await exchange(text)) ?? (await exchange(text))
      if (!answer) throw new Error(`${origin} does not answer`)
      return answer
    },
    close: () => socket?.destroy(),
  }
}
