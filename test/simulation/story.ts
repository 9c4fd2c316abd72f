/** What callers ask of the cloud, and what befalls it meanwhile: drawn from the seed. */
import type { Cloud, Kind } from './cloud.ts'
import { IMAGE_IDS, imageNamed } from './images.ts'
import { NETWORK_ID } from './neutron.ts'
import type { Random } from './random.ts'
import type { ApiAnswer, SharedApi } from './shared-api.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What callers were told. */
export interface Ledger {
  /** Servers that a 202 spoke of. */
  readonly created: Set<string>
  /** Servers whose delete was accepted. */
  readonly deleted: Set<string>
  /** Requests by what came of them: `POST 202`. */
  readonly answers: Map<string, number>
}

export interface StoryOptions {
  readonly time: VirtualTime
  readonly random: Random
  readonly cloud: Cloud
  readonly api: SharedApi
  readonly lastsMs: number
  tell(line: string): void
}

type Ask = (method: 'GET' | 'POST' | 'DELETE', url: string, json?: unknown) => Promise<ApiAnswer | undefined>

/** Asks whichever API answers. Undefined: the connection broke, and nobody knows what came of it. */
function askerOf({ time, random, cloud, api, tell }: StoryOptions, ledger: Ledger): Ask {
  return async (method, url, json) => {
    const able = cloud.apis()
    if (able.length === 0) return undefined
    const { life, services } = random.pick(able)
    await time.sleep(random.between(1, 5))
    const broken = new Promise<undefined>((resolve) => life.onCut(() => resolve(undefined)))
    const answer = await Promise.race([
      api.ask(services, { method, url, ...(json !== undefined && { json }) }),
      broken,
    ])
    const outcome = `${method} ${answer?.status ?? 'broken'}`
    ledger.answers.set(outcome, (ledger.answers.get(outcome) ?? 0) + 1)
    tell(
      `${method} ${url} ${answer ? `${answer.status} ${answer.status < 300 ? '' : answer.text.slice(0, 150)}` : 'broken'}`,
    )
    return answer
  }
}

export interface Story {
  readonly ledger: Ledger
  /** Plans everything; it happens as time passes. */
  begin(): void
  /** Everybody deletes what there is. */
  deleteAll(): Promise<void>
}

/** How long a cluster of requests and troubles lasts. */
const CLUSTER_MS = 6_000

const FLAVORS = ['1', '2'] as const

export function createStory(options: StoryOptions): Story {
  const { time, random, cloud, lastsMs } = options
  const ledger: Ledger = { created: new Set(), deleted: new Set(), answers: new Map() }
  const ask = askerOf(options, ledger)

  const create = async () => {
    const imageRef = random.pick(IMAGE_IDS)
    const count = random.chance(0.15) ? random.between(2, 3) : 1
    const networks = random.chance(0.1)
      ? 'none'
      : count === 1 && random.chance(0.2)
        ? [{ uuid: NETWORK_ID }, { port: cloud.neutron.addOwnersPort() }]
        : Array.from({ length: random.between(1, 2) }, () => ({ uuid: NETWORK_ID }))
    const server = { name: imageNamed(imageRef), imageRef, flavorRef: random.pick(FLAVORS), networks }
    const counts = count > 1 ? { min_count: 1, max_count: count } : {}
    const answer = await ask('POST', '/servers', { server: { ...server, ...counts } })
    if (answer?.status === 202)
      ledger.created.add((JSON.parse(answer.text) as { server: { id: string } }).server.id)
  }
  const anyServer = () => (ledger.created.size === 0 ? undefined : random.pick([...ledger.created]))
  const remove = async (id: string) => {
    const answer = await ask('DELETE', `/servers/${id}`)
    if (answer?.status === 204) ledger.deleted.add(id)
  }
  const act = async (id: string, action: object) => void (await ask('POST', `/servers/${id}/action`, action))
  const somebody: readonly ((id: string) => Promise<void>)[] = [
    remove,
    remove,
    (id) => act(id, { 'os-stop': null }),
    (id) => act(id, { 'os-start': null }),
    (id) => act(id, { reboot: { type: 'SOFT' } }),
    (id) => act(id, { reboot: { type: 'HARD' } }),
  ]

  // Things happen in clusters, or troubles would mostly find nobody at work.
  const busyMoments = Array.from({ length: random.between(1, 4) }, () =>
    random.between(0, lastsMs - CLUSTER_MS),
  )
  const someTime = () =>
    random.chance(0.8) ? random.pick(busyMoments) + random.between(0, CLUSTER_MS) : random.between(0, lastsMs)

  const planRequests = () => {
    for (let left = random.between(8, 28); left > 0; left--) {
      time.after(someTime(), () => {
        const id = random.chance(0.45) ? undefined : anyServer()
        void (id === undefined ? create() : random.pick(somebody)(id))
      })
    }
  }
  const planTroubles = () => {
    for (const plan of TROUBLES) {
      if (!random.chance(0.4)) continue
      for (let left = random.between(1, plan.most); left > 0; left--)
        time.after(someTime(), () => plan.strike(cloud, random, time, options.tell))
    }
  }
  return {
    ledger,
    begin() {
      planRequests()
      planTroubles()
    },
    async deleteAll() {
      const answer = await ask('GET', '/servers')
      const { servers } = JSON.parse(answer?.text ?? '{"servers":[]}') as { servers: { id: string }[] }
      for (const { id } of servers) await remove(id)
    },
  }
}

interface Trouble {
  readonly most: number
  strike(cloud: Cloud, random: Random, time: VirtualTime, tell: (line: string) => void): void
}

const some = (cloud: Cloud, random: Random, kinds: readonly Kind[]) =>
  random.pick(cloud.processes.filter(({ kind }) => kinds.includes(kind)))

const kills = (kinds: readonly Kind[], most: number, longestDownMs: number): Trouble => ({
  most,
  strike: (cloud, random) =>
    some(cloud, random, kinds).kill(random.between(0, 40), random.between(200, longestDownMs)),
})

const TROUBLES: readonly Trouble[] = [
  kills(['conductor'], 6, 15_000),
  kills(['scheduler'], 4, 10_000),
  kills(['compute'], 6, 20_000),
  kills(['compute'], 2, 120_000),
  kills(['api'], 3, 5_000),
  kills(['placement'], 2, 5_000),
  {
    most: 3,
    strike: (cloud, random) =>
      some(cloud, random, ['conductor', 'scheduler', 'compute']).restart(random.between(200, 5_000)),
  },
  {
    most: 4,
    strike: (cloud, random) =>
      some(cloud, random, ['conductor', 'conductor', 'scheduler', 'compute', 'placement']).life?.freeze(
        random.between(500, 20_000),
      ),
  },
  {
    most: 2,
    strike: (cloud, random) => some(cloud, random, ['compute']).losePower(random.between(2_000, 120_000)),
  },
  {
    most: 2,
    strike(cloud, random, time, tell) {
      const { life } = some(cloud, random, ['compute', 'conductor', 'scheduler'])
      if (!life) return
      tell(`${life.name} is cut off`)
      life.connected = false
      time.after(random.between(1_000, 120_000), () => {
        tell(`${life.name} is reached again`)
        life.connected = true
        cloud.broker.wake()
      })
    },
  },
]
