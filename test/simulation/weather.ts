/** What goes wrong in one run, and when: drawn from the seed, so that each run has troubles of its own. */
import type { BusWeather } from './bus.ts'
import type { NeutronWeather } from './neutron.ts'
import type { HttpWeather } from './placement-service.ts'
import type { Random } from './random.ts'
import type { StoreWeather } from './store.ts'

/** A time in which something is as bad as can be, in milliseconds from the start. */
export interface Window {
  readonly from: number
  readonly until: number
}

/** How bad a run is. Probabilities, but for the windows. */
export interface Climate {
  readonly loses: number
  readonly doubles: number
  readonly delays: number
  readonly longestDelayMs: number
  readonly keeps: number
  readonly httpRefuses: number
  readonly httpLosesAnswers: number
  readonly httpIsSlow: number
  readonly neutronFails: number
  readonly losesCommits: number
  readonly brokerDown: readonly Window[]
  readonly databaseDown: readonly Window[]
  readonly databaseSlow: readonly Window[]
}

export const FAIR: Climate = {
  loses: 0,
  doubles: 0,
  delays: 0,
  longestDelayMs: 0,
  keeps: 1,
  httpRefuses: 0,
  httpLosesAnswers: 0,
  httpIsSlow: 0,
  neutronFails: 0,
  losesCommits: 0,
  brokerDown: [],
  databaseDown: [],
  databaseSlow: [],
}

/** Each trouble comes in some runs and not in others: all at once would hide what one of them does. */
export function drawClimate(random: Random, lastsMs: number): Climate {
  const sometimes = (most: number) => (random.chance(0.4) ? random.next() * most : 0)
  const windows = (longestMs: number): Window[] =>
    random.chance(0.3)
      ? Array.from({ length: random.between(1, 2) }, () => {
          const from = random.between(0, lastsMs)
          return { from, until: Math.min(from + random.between(500, longestMs), lastsMs) }
        })
      : []
  return {
    loses: sometimes(0.4),
    doubles: sometimes(0.4),
    delays: sometimes(0.3),
    longestDelayMs: random.pick([200, 3_000, 20_000]),
    keeps: random.pick([0, 0.5, 1]),
    httpRefuses: sometimes(0.2),
    httpLosesAnswers: sometimes(0.1),
    httpIsSlow: sometimes(0.2),
    neutronFails: sometimes(0.2),
    losesCommits: sometimes(0.02),
    brokerDown: windows(30_000),
    databaseDown: windows(15_000),
    databaseSlow: windows(20_000),
  }
}

export interface Weather extends StoreWeather, BusWeather, HttpWeather, NeutronWeather {
  /** It is fair at first; from now on it is as it was drawn. */
  turn(): void
  /** From now on nothing goes wrong any more. */
  clear(): void
}

const isWithin = (windows: readonly Window[], at: number): boolean =>
  windows.some(({ from, until }) => from <= at && at < until)

/** `elapsed`: milliseconds since the start. */
export function weatherOf(drawn: Climate, random: Random, elapsed: () => number): Weather {
  let climate = FAIR
  const hits = (probability: number) => probability > 0 && random.chance(probability)
  const shortMs = () => random.between(1, 5)
  const delayMs = () => (hits(climate.delays) ? random.between(5, climate.longestDelayMs) : shortMs())
  return {
    turn: () => void (climate = drawn),
    clear: () => void (climate = FAIR),
    statementMs: () => (isWithin(climate.databaseSlow, elapsed()) ? random.between(0, 400) : 0),
    refuses: () => hits(climate.httpRefuses),
    isAway: () => isWithin(climate.databaseDown, elapsed()),
    losesCommit: () => hits(climate.losesCommits),
    fateOf() {
      if (hits(climate.loses)) return []
      return hits(climate.doubles) ? [delayMs(), delayMs()] : [delayMs()]
    },
    keeps: () => climate.keeps === 1 || hits(climate.keeps),
    isDown: () => isWithin(climate.brokerDown, elapsed()),
    requestMs: () => (hits(climate.httpIsSlow) ? random.between(10, 3_000) : shortMs()),
    answerMs: () => (hits(climate.httpIsSlow) ? random.between(10, 3_000) : shortMs()),
    losesAnswer: () => hits(climate.httpLosesAnswers),
    callMs: () => (hits(climate.httpIsSlow) ? random.between(10, 2_000) : shortMs()),
    fails: () => hits(climate.neutronFails),
  }
}
