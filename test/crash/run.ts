/**
 * `npm run crash`: kills the all-in-one with SIGKILL at random moments during create and delete, starts
 * it again, and checks that every server settles and nothing leaks. Prints its seed; `--seed` replays the
 * moments (what the machine does between them it cannot replay).
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { setTimeout as delay } from 'node:timers/promises'
import { type CloudClient, login } from '../cloud-client.ts'
import {
  type CloudProcess,
  remains,
  startCloudProcess,
  temporaryStateDir,
} from '../end-to-end/cloud-process.ts'
import { eventually } from '../eventually.ts'
import { leaksOf } from './leaks.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    driver: { type: 'string', default: 'qemu' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const SETTLE_MS = 60_000
const MAX_MOMENT_MS = 1_500
const random = seeded(Number(values.seed))

/** Mulberry32: small, seedable, good enough for picking moments. */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Server {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly fault?: { readonly message: string }
  readonly 'OS-EXT-STS:task_state': string | null
}

const servers = async (demo: CloudClient): Promise<Server[]> =>
  ((await demo.ok('compute', 'GET', '/servers/detail')) as { servers: Server[] }).servers

const settled = (server: Server): boolean =>
  ['ACTIVE', 'ERROR', 'SHUTOFF'].includes(server.status) && server['OS-EXT-STS:task_state'] === null

interface Ids {
  readonly image: string
  readonly flavor: string
  readonly network: string
}

/** What a caller does while the axe falls: the connection may break at any point, and that is no failure. */
async function work(demo: CloudClient, what: 'create' | 'delete', round: number, ids: Ids): Promise<void> {
  const body = {
    server: {
      name: `crash-${round}`,
      imageRef: ids.image,
      flavorRef: ids.flavor,
      networks: [{ uuid: ids.network }],
    },
  }
  try {
    const [victim] = what === 'delete' ? await servers(demo) : []
    await (victim
      ? demo.call('compute', 'DELETE', `/servers/${victim.id}`)
      : demo.call('compute', 'POST', '/servers', body))
  } catch (error) {
    // What fetch throws when the other side is gone.
    if (!(error instanceof TypeError)) throw error
  }
}

async function idsOf(demo: CloudClient): Promise<Ids> {
  const [images, flavors, networks] = await Promise.all([
    demo.ok('image', 'GET', '/images?name=tiny'),
    demo.ok('compute', 'GET', '/flavors'),
    demo.ok('network', 'GET', '/networks?name=private'),
  ])
  const named = (list: { id: string; name: string }[], name: string): string =>
    list.find((item) => item.name === name)?.id ?? ''
  return {
    image: named(images.images, 'tiny'),
    flavor: named(flavors.flavors, 'm1.nano'),
    network: named(networks.networks, 'private'),
  }
}

async function main(): Promise<number> {
  const kills = Number(values.kills)
  console.log(`seed ${values.seed}: ${kills} kills, driver ${values.driver}`)
  const stateDir = temporaryStateDir()
  const tapsBefore = new Set(remains(stateDir).taps)
  const start = (): Promise<CloudProcess> => startCloudProcess(stateDir, ['--driver', values.driver])
  let cloud = await start()
  let slowestSettleMs = 0
  for (let round = 1; round <= kills; round += 1) {
    const demo = await login(stateDir, 'kilonova-demo')
    const what = (await servers(demo)).length < 3 && random() < 0.65 ? 'create' : 'delete'
    const momentMs = Math.floor(random() ** 2 * MAX_MOMENT_MS)
    const working = work(demo, what, round, await idsOf(demo))
    await delay(momentMs)
    await cloud.kill()
    await working
    cloud = await start()
    const again = await login(stateDir, 'kilonova-demo')
    const began = performance.now()
    const after = await eventually(
      async () => {
        const now = await servers(again)
        return now.every(settled) ? now : undefined
      },
      { withinMs: SETTLE_MS, everyMs: 50, what: `settling after kill ${round}` },
    )
    const settleMs = Math.round(performance.now() - began)
    slowestSettleMs = Math.max(slowestSettleMs, settleMs)
    const nameless = after.filter((server) => server.status === 'ERROR' && !server.fault?.message)
    if (nameless.length > 0) throw new Error(`ERROR without a reason: ${JSON.stringify(nameless)}`)
    console.log(
      `${round}/${kills} ${what} killed after ${momentMs} ms, settled in ${settleMs} ms: ${after.map((server) => server.status).join(' ') || 'no servers'}`,
    )
    await noLeaks(stateDir, tapsBefore, `kill ${round}`)
  }
  const demo = await login(stateDir, 'kilonova-demo')
  for (const { id } of await servers(demo)) await demo.call('compute', 'DELETE', `/servers/${id}`)
  await eventually(async () => (await servers(demo)).length === 0, {
    withinMs: SETTLE_MS,
    what: 'the last deletes',
  })
  await noLeaks(stateDir, tapsBefore, 'the last deletes')
  await cloud.stop()
  rmSync(stateDir, { recursive: true })
  console.log(
    `${kills} kills: every server settled (slowest ${slowestSettleMs} ms), nothing leaked. seed ${values.seed}`,
  )
  return 0
}

async function noLeaks(stateDir: string, tapsBefore: ReadonlySet<string>, when: string): Promise<void> {
  await eventually(
    async () => {
      const leaks = await leaksOf(stateDir, tapsBefore)
      if (leaks.length > 0) throw new Error(`after ${when}:\n${leaks.join('\n')}`)
      return true
    },
    { withinMs: SETTLE_MS, everyMs: 200, what: `a cloud without leaks after ${when}` },
  )
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error)
  console.error(`seed ${values.seed}`)
  return 1
})
