/** Weighing: each weigher's values are brought to 0..1 over the hosts in question, multiplied, and summed. */
import type { SchedulerConfig } from '../config.ts'
import { decimalOf } from '../number-text.ts'
import type { CandidateHost } from '../request.ts'
import type { Weighed, Weigher } from './weigher.ts'

/** Each host's weight; the larger, the better. */
export function weigh(
  hosts: readonly CandidateHost[],
  weighers: readonly Weigher[],
  request: Weighed,
): ReadonlyMap<CandidateHost, number> {
  const weights = hosts.map(() => 0)
  for (const weigher of weighers) {
    const normal = normalise(
      hosts.map((host) => weigher.weigh(host, request)),
      weigher.minimum,
    )
    if (!normal) continue
    const sign = weigher.countsAgainst ? -1 : 1
    for (const [at, host] of hosts.entries())
      weights[at] =
        (weights[at] ?? 0) + (normal[at] ?? 0) * sign * multiplierOf(weigher, host, request.config)
  }
  return new Map(hosts.map((host, at) => [host, weights[at] ?? 0]))
}

/** Undefined where all are equal: they make no difference. */
function normalise(values: readonly number[], minimum: number | undefined): readonly number[] | undefined {
  const raised = minimum === undefined ? values : values.map((value) => Math.max(value, minimum))
  const lowest = minimum ?? Math.min(...raised)
  const range = Math.max(...raised) - lowest
  return range === 0 ? undefined : raised.map((value) => (value - lowest) / range)
}

/** The option, or the smallest of what the host's aggregates say in its place. */
function multiplierOf(weigher: Weigher, host: CandidateHost, config: SchedulerConfig): number {
  const said = saidOf(weigher.overrideKey, host)
  if (said.length === 0) return weigher.multiplier(config)
  const overrides = said.map(decimalOf).filter((value) => value !== undefined)
  // As in Nova, one that is no number spoils them all.
  return overrides.length === said.length ? Math.min(...overrides) : weigher.multiplier(config)
}

const NOTHING: readonly string[] = []

/** Most aggregates say nothing: this is asked of each host and weigher, for each server. */
function saidOf(key: string, { aggregates }: CandidateHost): readonly string[] {
  let said = NOTHING
  for (const { metadata } of aggregates) {
    const value = metadata[key]
    if (value !== undefined) said = [...said, value]
  }
  return said
}
