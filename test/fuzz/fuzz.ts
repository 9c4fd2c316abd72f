/**
 * Sends nonsense and looks at what comes of it: no server error, no hang, an answer in the API's shape, and no row
 * changed by what was refused.
 */
import * as fc from 'fast-check'
import type { Operation } from '#lib/versioned/index.ts'
import { keyOf } from '../parity/facts.ts'
import type { FuzzGround } from './ground.ts'
import { type Nonsense, nonsense, type Told } from './requests.ts'

export interface FuzzOptions extends Told {
  readonly operations: readonly Operation[]
  readonly seed: number
  readonly requests: number
  /** Told how far it is, now and then. */
  progress?(done: number): void
}

interface Complaint {
  readonly what: string
  readonly request: string
  times: number
}

export interface FuzzReport {
  readonly requests: number
  /** Answers by status. */
  readonly statuses: ReadonlyMap<number, number>
  /** Routes of which a request succeeded. */
  readonly succeeded: ReadonlySet<string>
  readonly complaints: readonly Complaint[]
}

/** After so many the things that requests took away are made again. */
const BATCH = 100
const HANGS_MS = 10_000
/** Answers by statuses that the facts have for drivers that cannot, and for what is not there yet. */
const EXPLAINED = new Set([501])

/** One at a time, so that each change belongs to a request. */
export async function fuzz(ground: FuzzGround, options: FuzzOptions): Promise<FuzzReport> {
  const { operations, seed, requests, progress = () => undefined } = options
  const arbitrary = nonsense(operations, options)
  const statuses = new Map<number, number>()
  const succeeded = new Set<string>()
  const complaints = new Map<string, Complaint>()
  for (let done = 0; done < requests; done += BATCH) {
    await ground.replenish()
    const batch = fc.sample(arbitrary, { seed: seed + done, numRuns: Math.min(BATCH, requests - done) })
    for (const request of batch) {
      const { status, problem } = await ask(ground, request)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      const route = keyOf(request.operation)
      if (status >= 200 && status < 300) succeeded.add(route)
      if (problem === undefined) continue
      const key = `${route}: ${problem.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|req-\S+/g, '…')}`
      const known = complaints.get(key)
      if (known) known.times += 1
      else complaints.set(key, { what: key, request: shown(request), times: 1 })
    }
    progress(Math.min(done + BATCH, requests))
  }
  return { requests, statuses, succeeded, complaints: [...complaints.values()] }
}

interface Outcome {
  /** 0 when no answer came. */
  readonly status: number
  readonly problem: string | undefined
}

async function ask(ground: FuzzGround, request: Nonsense): Promise<Outcome> {
  const before = ground.rowsVersion()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), HANGS_MS)
  })
  try {
    const answer = await Promise.race([ground.send(request), late])
    if (answer === undefined) return { status: 0, problem: 'no answer' }
    const { status, text } = answer
    if (status >= 500 && !EXPLAINED.has(status)) return { status, problem: `${status} ${text.slice(0, 300)}` }
    if (status < 400) return { status, problem: undefined }
    if (!/"message":/.test(text)) return { status, problem: `no fault: ${text.slice(0, 100)}` }
    const changed = ground.rowsVersion() !== before
    return { status, problem: changed ? `refused with ${status}, but rows changed` : undefined }
  } catch (error) {
    return { status: 0, problem: `no readable answer: ${String(error).slice(0, 200)}` }
  } finally {
    clearTimeout(timer)
  }
}

const shown = ({ as, method, path, at, body }: Nonsense): string =>
  `${as}: ${method} ${path} at ${at} ${body?.slice(0, 1_000) ?? ''}`
