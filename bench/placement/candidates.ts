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
  readonly p99Ms: number
  readonly kib: number
}

const round = (ms: number): number => Math.round(ms * 100) / 100

/** One request after another. */
export async function costOf(service: Service, query: string, requests: number): Promise<Cost> {
  const path = `/allocation_candidates?${query}`
  for (let warm = 0; warm < requests / 2; warm++) await service.passBy(path)
  const times: number[] = []
  const cpuBefore = service.cpuSeconds()
  for (let done = 0; done < requests; done++) {
    const began = performance.now()
    const status = await service.passBy(path)
    times.push(performance.now() - began)
    if (status !== 200) throw new Error(`${path}: ${status}`)
  }
  const cpu = service.cpuSeconds() - cpuBefore
  const { text } = await service.ask('GET', path)
  times.sort((a, b) => a - b)
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
  return {
    candidates: (JSON.parse(text) as { allocation_requests: unknown[] }).allocation_requests.length,
    cpuMs: round((cpu * 1_000) / requests),
    p50Ms: round(at(0.5)),
    p99Ms: round(at(0.99)),
    kib: Math.round(text.length / 1024),
  }
}
