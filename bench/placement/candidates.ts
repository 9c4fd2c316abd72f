/** What candidates cost: CPU and time, for the queries that schedulers ask. */
import { RARE_TRAIT, SMALL_AGGREGATE, ZONES } from './fill.ts'
import type { Service } from './service.ts'

const PLAIN = 'resources=VCPU:2,MEMORY_MB:4096,DISK_GB:40'

const groups = (count: number, more: string): string =>
  Array.from({ length: count }, (_, index) => `resources${index + 1}=CUSTOM_VF:1`).join('&') + more

/** What Nova asks, from the plain to the picky. */
export const FLAT_QUERIES: Readonly<Record<string, string>> = {
  'plain, limit 100': `${PLAIN}&limit=100`,
  'traits, zone, limit 100': `${PLAIN}&required=COMPUTE_NODE,HW_CPU_X86_AVX2,!${RARE_TRAIT}&member_of=${ZONES[1]}&limit=100`,
  'rare trait in a small aggregate, limit 100': `${PLAIN}&required=${RARE_TRAIT}&member_of=${SMALL_AGGREGATE}&limit=100`,
  'nobody has room, limit 100': 'resources=VCPU:65,MEMORY_MB:4096&limit=100',
  'plain, limit 1000': `${PLAIN}&limit=1000`,
}

export const NESTED_QUERIES: Readonly<Record<string, string>> = {
  'host and 6 groups, none, limit 100': `${PLAIN}&${groups(6, '&group_policy=none&limit=100')}`,
  'host and 6 groups, isolate, limit 100': `${PLAIN}&${groups(6, '&group_policy=isolate&limit=100')}`,
  'host and 6 groups, isolate, limit 1000': `${PLAIN}&${groups(6, '&group_policy=isolate&limit=1000')}`,
  '9 groups for 8 devices, isolate': groups(9, '&group_policy=isolate&limit=100'),
}

export interface Cost {
  readonly candidates: number
  readonly cpuMs: number
  readonly p50Ms: number
  /** Of the windows the one in the middle. */
  readonly p99Ms: number
  readonly worstWindowP99Ms: number
  /** Of the first requests of the kind, while the service still compiles what they need; missing, where all are first. */
  readonly firstP99Ms?: number
  readonly requests: number
  readonly kib: number
}

/** How many requests, one after another: some first ones, more until all is warm, then windows. */
export interface Course {
  readonly first: number
  readonly warm: number
  readonly window: number
  readonly windows: number
  /** The longest that warming up takes, and a window. */
  readonly ms: number
}

/** p99 of one run of a thousand is its tenth slowest: a moment of something else on the machine decides it. */
export const STEADY: Course = { first: 500, warm: 1_500, window: 1_000, windows: 3, ms: 4_000 }
/** For a service that takes its time. */
export const BRIEF: Course = { first: 0, warm: 5, window: 10, windows: 1, ms: Infinity }

const round = (ms: number): number => Math.round(ms * 100) / 100

/** One request after another. */
export async function costOf(service: Service, query: string, course: Course): Promise<Cost> {
  const path = `/allocation_candidates?${query}`
  const timed = async (requests: number, ms: number): Promise<number[]> => {
    const times: number[] = []
    const end = performance.now() + ms
    while (times.length < requests) {
      const began = performance.now()
      if (began > end) break
      const status = await service.passBy(path)
      times.push(performance.now() - began)
      if (status !== 200) throw new Error(`${path}: ${status}`)
    }
    return times.sort((a, b) => a - b)
  }
  const first = await timed(course.first, Infinity)
  await timed(course.warm, course.ms)
  const cpuBefore = service.cpuSeconds()
  const windows: number[][] = []
  while (windows.length < course.windows) windows.push(await timed(course.window, course.ms))
  const cpu = service.cpuSeconds() - cpuBefore
  const { text } = await service.ask('GET', path)
  const all = windows.flat().sort((a, b) => a - b)
  const slowest = windows.map((times) => at(times, 0.99)).sort((a, b) => a - b)
  return {
    candidates: (JSON.parse(text) as { allocation_requests: unknown[] }).allocation_requests.length,
    cpuMs: round((cpu * 1_000) / all.length),
    p50Ms: round(at(all, 0.5)),
    p99Ms: round(at(slowest, 0.5)),
    worstWindowP99Ms: round(at(slowest, 1)),
    ...(first.length > 0 && { firstP99Ms: round(at(first, 0.99)) }),
    requests: all.length,
    kib: Math.round(text.length / 1024),
  }
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
