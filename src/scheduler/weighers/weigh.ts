/** Weighing: each weigher's values are brought to 0..1 over the hosts in question, multiplied, and summed. */
import type { SchedulerConfig } from '../config.ts'
import { decimalOf } from '../number-text.ts'
import type { CandidateHost, GroupSight } from '../request.ts'
import { cpu } from './cpu.ts'
import { disk } from './disk.ts'
import { ram } from './ram.ts'
import { softAffinity, softAntiAffinity } from './server-group.ts'
import type { Weigher } from './weigher.ts'

const WEIGHERS: readonly Weigher[] = [ram, cpu, disk, softAffinity, softAntiAffinity]

/** Each host's weight; the larger, the better. */
export function weigh(
  hosts: readonly CandidateHost[],
  config: SchedulerConfig,
  group?: GroupSight,
): ReadonlyMap<CandidateHost, number> {
  const weights = new Map(hosts.map((host) => [host, 0]))
  for (const weigher of WEIGHERS) {
    const values = hosts.map((host) => weigher.weigh(host, group))
    const normal = normalise(values, weigher.minimum)
    for (const [index, host] of hosts.entries()) {
      const weight = (normal[index] ?? 0) * multiplierOf(weigher, host, config)
      weights.set(host, (weights.get(host) ?? 0) + weight)
    }
  }
  return weights
}

function normalise(values: readonly number[], minimum: number | undefined): number[] {
  const lowest = Math.min(...values, minimum ?? Infinity)
  const range = Math.max(...values) - lowest
  return values.map((value) => (range === 0 ? 0 : (value - lowest) / range))
}

/** The option, or the smallest of what the host's aggregates say in its place. */
function multiplierOf(weigher: Weigher, host: CandidateHost, config: SchedulerConfig): number {
  const said = host.aggregates.flatMap(({ metadata }) => metadata[weigher.overrideKey] ?? [])
  const overrides = said.map(decimalOf).filter((value) => value !== undefined)
  // As in Nova, one that is no number spoils them all.
  const areNumbers = said.length > 0 && overrides.length === said.length
  return areNumbers ? Math.min(...overrides) : weigher.multiplier(config)
}
