/** What a request costs: CPU of those who answer it, and time. */
import { connectionTo } from '../measure/connection.ts'

/** A compute API to be asked, ours or the real one. */
export interface Target {
  /** With the version, without a trailing slash. */
  readonly url: string
  readonly token: string
  readonly microversion: string
  /** How many ask at once where CPU is measured. */
  readonly clients: number
  /** Fewer requests than this say nothing of it: its code is not compiled yet. */
  readonly atLeast: number
  /** User and system time so far, in seconds: of the API's processes, and of its database's where that is a process of its own. */
  cpu(): { readonly api: number; readonly database: number }
}

export interface Cost {
  readonly requests: number
  readonly kib: number
  readonly apiCpuMs: number
  /** 0 where the database is in the API's process. */
  readonly databaseCpuMs: number
  /** Of API and database together, as one core would do them. */
  readonly perSecondPerCore: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface Asked {
  readonly path: string
  readonly body?: unknown
}

/** Time of one request after another; then CPU while several clients ask at once. Some go before, to get warm. */
export async function costOf(target: Target, { path, body }: Asked, seconds: number): Promise<Cost> {
  const { origin, pathname } = new URL(target.url)
  const headers = { 'x-auth-token': target.token, 'openstack-api-version': `compute ${target.microversion}` }
  const connections = Array.from({ length: target.clients }, () => connectionTo(origin, headers))
  const sent = body === undefined ? undefined : JSON.stringify(body)
  let bytes = 0
  const clients = connections.map(({ passBy }) => async (): Promise<void> => {
    const answer = await passBy(`${pathname}${path}`, sent)
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status}`)
    bytes = answer.bytes
  })
  const alone = clients.slice(0, 1)
  try {
    await during({ ms: seconds * 500, atLeast: target.atLeast }, alone)
    const times = await during({ ms: seconds * 1000, atLeast: target.atLeast }, alone)
    times.sort((a, b) => a - b)
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
    const before = target.cpu()
    const { length: requests } = await during({ ms: seconds * 1000, atLeast: target.atLeast }, clients)
    const after = target.cpu()
    const each = (kind: 'api' | 'database') => ((after[kind] - before[kind]) * 1000) / requests
    return {
      requests,
      kib: Math.round(bytes / 1024),
      apiCpuMs: round(each('api')),
      databaseCpuMs: round(each('database')),
      perSecondPerCore: round(1000 / (each('api') + each('database'))),
      p50Ms: round(at(0.5)),
      p99Ms: round(at(0.99)),
    }
  } finally {
    for (const connection of connections) connection.close()
  }
}

const round = (value: number): number => Number(value.toPrecision(3))

/** Clients ask for so long, and at least a few times; how long each answer took, in milliseconds. */
async function during(
  { ms, atLeast }: { ms: number; atLeast: number },
  clients: readonly (() => Promise<void>)[],
): Promise<number[]> {
  const times: number[] = []
  const end = performance.now() + ms
  const askAgain = async (ask: () => Promise<void>): Promise<void> => {
    while (times.length < atLeast || performance.now() < end) {
      const began = performance.now()
      await ask()
      times.push(performance.now() - began)
    }
  }
  await Promise.all(clients.map(askAgain))
  return times
}
