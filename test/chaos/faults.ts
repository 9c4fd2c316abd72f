/** What befalls the fleet, drawn from the seed: kills, processes that stand still, a broker and a database that go away. */
import { loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../simulation/random.ts'
import { kindOf, type Member, type Victims } from './fleet.ts'
import { createOutages } from './outages.ts'

/** A killed process was started again, and serves. Times in milliseconds. */
export interface Restart {
  readonly name: string
  /** From its start until it said that it was ready. */
  readonly ms: number
  /** So much of that, what it needs was down by the run's own doing. */
  readonly waitedMs: number
  /** So much of a processor it used: what the rest of the machine does is not in it. */
  readonly cpuMs: number
  /** The machine's load then. */
  readonly load: number
}

export interface Tally {
  /** By kind of process. */
  readonly kills: Map<string, number>
  readonly standstills: Map<string, number>
  readonly restarts: Restart[]
  /** Faults that did not end as they should. */
  readonly failures: string[]
  brokerStops: number
  databaseRestarts: number
}

export const openTally = (): Tally => ({
  kills: new Map(),
  standstills: new Map(),
  restarts: [],
  failures: [],
  brokerStops: 0,
  databaseRestarts: 0,
})

/** Between two faults. */
const PAUSE_MS = { least: 2_000, most: 6_000 } as const
const LONGEST_DOWN_MS = 2_500
const LONGEST_STANDSTILL_MS = 8_000
/** When, as a part of the whole time. */
const BROKER_STOPS = [0.2, 0.65] as const
const DATABASE_RESTARTS = [0.4, 0.85] as const

const count = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const keyed = items.map((item) => ({ item, key: random.next() }))
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item)
}

export interface FaultsOptions {
  readonly victims: Victims
  readonly random: Random
  readonly tally: Tally
  readonly lastsMs: number
  say(line: string): void
}

/** Makes faults for so long; resolves when everything runs again. */
export async function makeFaults({ victims, random, tally, lastsMs, say }: FaultsOptions): Promise<void> {
  const began = performance.now()
  const busy = new Set<string>()
  const under: Promise<void>[] = []
  const outages = createOutages(victims.members.map(({ name }) => name))

  async function killAndRevive(member: Member): Promise<void> {
    if (!victims.kill(member)) return
    const isBack = outages.begin(member.name)
    count(tally.kills, kindOf(member.name))
    const downMs = random.between(0, LONGEST_DOWN_MS)
    say(`${member.name} is killed, for ${downMs} ms`)
    await delay(downMs)
    const { ms, cpuMs } = await victims.revive(member).finally(isBack)
    const waitedMs = outages.waited(kindOf(member.name), performance.now() - ms)
    tally.restarts.push({ name: member.name, ms, waitedMs, cpuMs, load: loadavg()[0] ?? 0 })
  }

  async function standStill(member: Member): Promise<void> {
    if (!victims.signal(member, 'SIGSTOP')) return
    const isBack = outages.begin(member.name)
    count(tally.standstills, kindOf(member.name))
    const ms = random.between(500, LONGEST_STANDSTILL_MS)
    say(`${member.name} stands still, for ${ms} ms`)
    await delay(ms)
    victims.signal(member, 'SIGCONT')
    isBack()
  }

  function begin(name: string, work: () => Promise<void>): void {
    busy.add(name)
    const over = () => void busy.delete(name)
    under.push(work().then(over, (error: unknown) => void tally.failures.push(String(error))))
  }

  const planned = [
    ...BROKER_STOPS.map((at, number) => ({
      at,
      strike: async () => {
        tally.brokerStops++
        const how = number % 2 === 0 ? 'SIGTERM' : 'SIGKILL'
        const ms = random.between(2_000, 8_000)
        say(`the broker is stopped (${how}), for ${ms} ms`)
        await victims.breakBroker(ms, how).finally(outages.begin('broker'))
        say('the broker is back')
      },
    })),
    ...DATABASE_RESTARTS.map((at, number) => ({
      at,
      strike: async () => {
        tally.databaseRestarts++
        const how = number % 2 === 0 ? 'SIGINT' : 'SIGKILL'
        say(`the database is restarted (${how})`)
        await victims.restartDatabase(how).finally(outages.begin('database'))
        say('the database is back')
      },
    })),
  ].sort((a, b) => a.at - b.at)

  const kinds = [...new Set(victims.members.map(({ name }) => kindOf(name)))]
  let deck: string[] = []
  while (performance.now() - began < lastsMs) {
    const next = planned[0]
    if (next && performance.now() - began >= next.at * lastsMs) {
      planned.shift()
      begin('what all need', next.strike)
    }
    if (deck.length === 0) deck = shuffled(kinds, random)
    const kind = deck.pop()
    const able = victims.members.filter(({ name }) => kindOf(name) === kind && !busy.has(name))
    if (able.length > 0) {
      const member = random.pick(able)
      begin(member.name, () => (random.chance(0.2) ? standStill(member) : killAndRevive(member)))
    }
    await delay(random.between(PAUSE_MS.least, PAUSE_MS.most))
  }
  await Promise.all(under)
}
