/** Plays one seed: a story in its weather, then fair weather until all is as it must be, or never will be. */
import { createHash } from 'node:crypto'
import { insertFlavor } from '#db/flavors.ts'
import type { NovaDb } from '#db/schema.ts'
import { type Log, silentLog } from '#lib/log.ts'
import { createCloud, type Cloud, type Sabotage } from './cloud.ts'
import { countActive, isBusy, problemsOf } from './invariants.ts'
import { createRandom } from './random.ts'
import { openSharedApi, type SharedApi } from './shared-api.ts'
import { openStorage, type Storage } from './store.ts'
import { createStory } from './story.ts'
import { createVirtualTime, type VirtualTime } from './virtual-time.ts'
import { drawClimate, weatherOf } from './weather.ts'

/** What is made once for many runs. */
export interface Stage {
  readonly storage: Storage
  readonly api: SharedApi
}

export const openStage = async (): Promise<Stage> => ({
  storage: await openStorage(),
  api: await openSharedApi(),
})

export interface Played {
  readonly seed: number
  /** Of all that happened, in its order: the same for the same seed. */
  readonly hash: string
  readonly problems: readonly string[]
  /** How long it took the cloud, not us. */
  readonly virtualMs: number
  readonly happenings: number
  /** How many a caller was told of. */
  readonly servers: number
  /** How many were active when troubles were over. */
  readonly active: number
}

export interface PlayOptions {
  readonly sabotage?: Sabotage
  /** How long callers and troubles go on. */
  readonly lastsMs?: number
  /** Hears of all that happens. */
  readonly hear?: (line: string) => void
  /** Hears what the services log. */
  readonly log?: (time: VirtualTime) => Log
}

/** When every run begins. */
export const START = Date.parse('2026-01-01T00:00:00Z')
const WARM_UP_MS = 5_000
const LASTS_MS = 60_000
/** Longer than any deadline of any step, and than any host stays away. */
const PATIENCE_MS = 1_800_000
const LOOK_MS = 15_000

export async function play(stage: Stage, seed: number, options: PlayOptions = {}): Promise<Played> {
  const { lastsMs = LASTS_MS, hear } = options
  const random = createRandom(`seed ${seed}`)
  const time = createVirtualTime(START)
  const hash = createHash('sha1')
  let happenings = 0
  const tell = (line: string) => {
    happenings++
    const stamped = `${time.now() - START} ${line}\n`
    hash.update(stamped)
    hear?.(stamped)
  }
  const climate = drawClimate(random.fork('climate'), lastsMs)
  const weather = weatherOf(climate, random.fork('weather'), () => time.now() - START - WARM_UP_MS)
  const { sabotage = {} } = options
  const resumeGuests = random.fork('configuration').chance(0.5)
  const log = options.log?.(time) ?? silentLog
  const cloud = createCloud({
    time,
    random,
    storage: stage.storage,
    weather,
    log,
    sabotage,
    resumeGuests,
    tell,
  })
  await makeFlavors(cloud, time)
  for (const process of cloud.processes) process.boot()
  await time.pass(WARM_UP_MS)

  const story = createStory({ time, random: random.fork('story'), cloud, api: stage.api, lastsMs, tell })
  weather.turn()
  story.begin()
  await time.pass(lastsMs)
  weather.clear()
  for (const process of cloud.processes) process.spare()
  cloud.broker.wake()
  tell('the weather is fair')
  let problems = await settle(cloud, time, () => problemsOf(cloud, story.ledger))
  const active = await time.until(countActive(cloud))
  if (problems.length === 0 && random.fork('end').chance(0.5)) {
    void story.deleteAll()
    await time.pass(LOOK_MS)
    problems = await settle(cloud, time, () => problemsOf(cloud, story.ledger))
  }
  for (const problem of problems) tell(`PROBLEM ${problem}`)
  for (const process of cloud.processes) process.end()
  return {
    seed,
    hash: hash.digest('hex'),
    problems,
    virtualMs: time.now() - START,
    happenings,
    servers: story.ledger.created.size,
    active,
  }
}

/** Waits until nothing is wrong, and still is not a while later. */
async function settle(cloud: Cloud, time: VirtualTime, look: () => Promise<string[]>): Promise<string[]> {
  const end = time.now() + PATIENCE_MS
  let problems: string[] = ['nobody looked']
  for (let good = 0; good < 2 && time.now() < end; ) {
    await time.pass(LOOK_MS)
    if (
      time.now() < end &&
      ((await time.until(isBusy(cloud))) || cloud.processes.some(({ life }) => !life))
    ) {
      good = 0
      continue
    }
    problems = await time.until(look())
    good = problems.length === 0 ? good + 1 : 0
  }
  return problems
}

async function makeFlavors(cloud: Cloud, time: VirtualTime): Promise<void> {
  const db = cloud.store.truth.typed<NovaDb>()
  for (const size of [1, 2]) {
    const flavor = {
      flavorId: String(size),
      name: `m1.${size}`,
      vcpus: size,
      memoryMb: 512 * size,
      rootGb: 5 * size,
      ephemeralGb: 0,
      swapMb: 0,
      rxtxFactor: 1,
      isPublic: true,
      disabled: false,
      description: null,
      extraSpecs: {},
    }
    await insertFlavor(db, flavor, { now: time.now() })
  }
}
