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
  /** Fewer requests than this, of one kind in all, say nothing of it: its code is not compiled yet. */
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

/**
 * Time is taken in so many bursts, then CPU in so many rounds, and in between the other targets are asked: what the machine
 * does besides meets all of them alike.
 */
const BURSTS = 30
const ROUNDS = 6

/**
 * What each costs: the time of one request after another, and CPU while several clients ask at once, each for so many
 * seconds in all. Some requests go before, to get warm.
 */
export async function costsOf(
  all: readonly (Asked & { readonly target: Target })[],
  seconds: number,
): Promise<Cost[]> {
  const probes = all.map(({ target, ...asked }) => probeOf(target, asked))
  const inTurn = (turn: number) => (turn % 2 === 0 ? probes : probes.toReversed())
  try {
    for (const { warm } of probes) await warm(seconds * 500)
    for (let burst = 0; burst < BURSTS; burst++)
      for (const { time } of inTurn(burst)) await time((seconds * 1000) / BURSTS)
    for (let round = 0; round < ROUNDS; round++)
      for (const { spend } of inTurn(round)) await spend((seconds * 1000) / ROUNDS)
    return probes.map(({ cost }) => cost())
  } finally {
    for (const { close } of probes) close()
  }
}

function probeOf(target: Target, { path, body }: Asked) {
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
  const times: number[] = []
  const spent = { requests: 0, api: 0, database: 0 }
  return {
    async warm(ms: number): Promise<void> {
      await during({ ms, atLeast: target.atLeast }, alone)
    },
    async time(ms: number): Promise<void> {
      times.push(...(await during({ ms, atLeast: Math.ceil(target.atLeast / BURSTS) }, alone)))
    },
    async spend(ms: number): Promise<void> {
      const before = target.cpu()
      const { length } = await during({ ms, atLeast: Math.ceil(target.atLeast / ROUNDS) }, clients)
      const after = target.cpu()
      spent.requests += length
      spent.api += after.api - before.api
      spent.database += after.database - before.database
    },
    cost: () => costOf(times, spent, bytes),
    close(): void {
      for (const connection of connections) connection.close()
    },
  }
}

/** CPU is in seconds. */
function costOf(
  times: readonly number[],
  { requests, api, database }: { readonly requests: number; readonly api: number; readonly database: number },
  bytes: number,
): Cost {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return {
    requests,
    kib: Math.round(bytes / 1024),
    apiCpuMs: round((api * 1000) / requests),
    databaseCpuMs: round((database * 1000) / requests),
    perSecondPerCore: round(requests / (api + database)),
    p50Ms: round(at(0.5)),
    p99Ms: round(at(0.99)),
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
