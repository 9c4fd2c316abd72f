/**
 * What a fake guest can do, run inside its network namespace: get a lease (`dhcp DEVICE MAC`), ask a URL
 * (`get URL [HEADER VALUE]…`), serve (`listen PORT`), connect (`connect ADDRESS PORT [FROM]`). Prints one JSON line.
 */
import { createSocket } from 'node:dgram'
import { get } from 'node:http'
import { connect, createServer } from 'node:net'

const PATIENCE_MS = 1_500
const print = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

const tools: Record<string, (...args: string[]) => Promise<void>> = {
  async dhcp(mac = ''): Promise<void> {
    const discover = message(mac, 1, [])
    const offer = await exchange(discover, 2)
    if (!offer) return print(null)
    const wanted = offer.subarray(16, 20)
    const server = optionsOf(offer).get(54) ?? Buffer.alloc(4)
    const ack = await exchange(
      message(mac, 3, [
        [50, wanted],
        [54, server],
      ]),
      5,
    )
    if (!ack) return print(null)
    const options = optionsOf(ack)
    const dotted = (bytes: Buffer | undefined) => bytes?.join('.') ?? null
    print({
      address: dotted(ack.subarray(16, 20)),
      router: dotted(options.get(3)),
      dns: dotted(options.get(6)),
      mtu: options.get(26)?.readUInt16BE() ?? null,
      routes: options.get(121)?.toString('hex') ?? null,
    })
  },
  get: (url = '', ...headers) =>
    new Promise((resolve) => {
      const sent = Object.fromEntries(
        headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1] ?? '']] : [])),
      )
      const finish = (value: unknown) => (print(value), resolve())
      const request = get(url, { headers: sent, timeout: PATIENCE_MS }, (response) => {
        let body = ''
        response.on('data', (chunk: Buffer) => (body += chunk.toString()))
        response.on('end', () => finish({ status: response.statusCode, body }))
      })
      request.on('timeout', () => request.destroy(new Error('timeout')))
      request.on('error', (error) => finish({ error: error.message }))
    }),
  /** Sends a byte now and then and counts what comes back, until nothing does. */
  stream: (address = '', port = '') =>
    new Promise((resolve) => {
      let echoes = 0
      const socket = connect({ host: address, port: Number(port) }, () => print('connected'))
      const timer = setInterval(() => socket.write('.'), PATIENCE_MS / 20)
      const finish = (ended: string) => {
        clearInterval(timer)
        print({ ended, echoes })
        socket.destroy()
        resolve()
      }
      socket.setTimeout(0)
      let silence = setTimeout(() => finish('silence'), PATIENCE_MS)
      socket.on('data', (chunk) => {
        echoes += chunk.length
        clearTimeout(silence)
        silence = setTimeout(() => finish('silence'), PATIENCE_MS)
      })
      socket.on('error', (error) => finish(error.message))
    }),
  async echo(port = '') {
    const server = createServer((socket) => socket.on('error', () => {}).pipe(socket))
    server.listen(Number(port), '0.0.0.0', () => print('listening'))
    await new Promise(() => {})
  },
  async listen(port = '') {
    const server = createServer((socket) => socket.end(`from ${socket.remoteAddress ?? ''}\n`))
    server.listen(Number(port), '0.0.0.0', () => print('listening'))
    await new Promise(() => {})
  },
  connect: (address = '', port = '', from) =>
    new Promise((resolve) => {
      const finish = (value: unknown) => (print(value), socket.destroy(), resolve())
      const socket = connect({
        host: address,
        port: Number(port),
        ...(from !== undefined && { localAddress: from }),
      })
      socket.setTimeout(PATIENCE_MS, () => finish({ error: 'timeout' }))
      socket.on('data', (chunk) => finish({ said: chunk.toString().trim() }))
      socket.on('error', (error) => finish({ error: error.message }))
    }),
}

type Option = readonly [code: number, value: Buffer]

/** A BOOTP request of a MAC, broadcast answer wanted. */
function message(mac: string, type: number, options: readonly Option[]): Buffer {
  const packet = Buffer.alloc(240)
  packet.set([1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef])
  packet.writeUInt16BE(0x8000, 10)
  packet.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), 28)
  packet.writeUInt32BE(0x63825363, 236)
  const all: Option[] = [[53, Buffer.from([type])], [55, Buffer.from([1, 3, 6, 26, 121])], ...options]
  const encoded = all.flatMap(([code, value]) => [Buffer.from([code, value.length]), value])
  return Buffer.concat([packet, ...encoded, Buffer.from([255])])
}

function optionsOf(packet: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>()
  for (let at = 240; at < packet.length && packet[at] !== 255; ) {
    const length = packet[at + 1] ?? 0
    options.set(packet[at] ?? 0, packet.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  return options
}

function exchange(packet: Buffer, answerType: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: true })
    const timer = setTimeout(() => finish(undefined), PATIENCE_MS)
    const again = setInterval(() => socket.send(packet, 67, '255.255.255.255'), PATIENCE_MS / 3)
    const finish = (answer: Buffer | undefined) => {
      clearTimeout(timer)
      clearInterval(again)
      socket.close()
      resolve(answer)
    }
    socket.on('message', (answer) => {
      if (
        optionsOf(answer).get(53)?.[0] === answerType &&
        answer.subarray(28, 34).equals(packet.subarray(28, 34))
      )
        finish(answer)
    })
    socket.bind(68, '0.0.0.0', () => {
      socket.setBroadcast(true)
      socket.send(packet, 67, '255.255.255.255')
    })
  })
}

const [tool = '', ...args] = process.argv.slice(2)
await tools[tool]?.(...args)
