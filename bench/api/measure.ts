/** What a request costs: CPU of those who answer it, and time. */
import { Pool } from 'undici'

/** A compute API to be asked, ours or the real one. */
export interface Target {
  /** With the version, without a trailing slash. */
  readonly url: string
  readonly token: string
  readonly microversion: string
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

const MAX_REQUESTS = 400
const MIN_REQUESTS = 10

const round = (value: number): number => Number(value.toPrecision(3))

/** One request after another, for some seconds; some before, to get warm. */
export async function costOf(target: Target, { path, body }: Asked, seconds: number): Promise<Cost> {
  const { origin, pathname } = new URL(target.url)
  const pool = new Pool(origin, { connections: 1, headersTimeout: 120_000 })
  const request = {
    method: body === undefined ? 'GET' : 'POST',
    path: `${pathname}${path}`,
    headers: {
      'x-auth-token': target.token,
      'openstack-api-version': `compute ${target.microversion}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  } as const
  const ask = async (): Promise<number> => {
    const answer = await pool.request(request)
    const text = await answer.body.text()
    if (answer.statusCode >= 300) throw new Error(`${path}: ${answer.statusCode} ${text}`)
    return text.length
  }
  try {
    for (const end = performance.now() + seconds * 300; performance.now() < end; ) await ask()
    return await measured(target, ask, seconds)
  } finally {
    await pool.close()
  }
}

async function measured(target: Target, ask: () => Promise<number>, seconds: number): Promise<Cost> {
  const times: number[] = []
  const before = target.cpu()
  const end = performance.now() + seconds * 1000
  let bytes = 0
  while (times.length < MIN_REQUESTS || (performance.now() < end && times.length < MAX_REQUESTS)) {
    const began = performance.now()
    bytes = await ask()
    times.push(performance.now() - began)
  }
  const after = target.cpu()
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
  const each = (kind: 'api' | 'database') => ((after[kind] - before[kind]) * 1000) / times.length
  return {
    requests: times.length,
    kib: Math.round(bytes / 1024),
    apiCpuMs: round(each('api')),
    databaseCpuMs: round(each('database')),
    perSecondPerCore: round(1000 / (each('api') + each('database'))),
    p50Ms: round(at(0.5)),
    p99Ms: round(at(0.99)),
  }
}
