/** Asks both, compares, and reports. */
import { chanceOf } from '../chance.ts'
import type { Oracle } from '../../interop/oracle.ts'
import { type Ask, type Endpoint, isWrite, type Reply } from './client.ts'
import { compare, type Difference, isLimited, settled, stable } from './compare.ts'
import { EXPLANATIONS } from './explained.ts'
import type { Knowledge } from './making.ts'
import { firstAsks, nextAsk } from './requests.ts'
import { type Pair, startPair } from './services.ts'
import { worldOf } from './world.ts'

interface Options {
  readonly dir: string
  readonly databaseUrl: string
  readonly requests: number
  readonly seed: number
  readonly verbose: boolean
}

interface Finding {
  readonly number: number
  readonly ask: Ask
  readonly difference: Difference
}

/** Yields how many unexplained differences there were. */
export async function runPlacement(oracle: Oracle, options: Options): Promise<number> {
  const pair = await startPair(oracle, options.dir, options.databaseUrl)
  try {
    return await askAll(pair, options)
  } finally {
    await pair.stop()
  }
}

async function askAll(pair: Pair, { requests, seed, verbose }: Options): Promise<number> {
  const chance = chanceOf(seed)
  const world = worldOf(chance)
  const known = knowledgeOf(pair.theirs)
  const findings: Finding[] = []
  const explained = new Map<string, number>()
  const statuses = new Map<number, number>()
  const so = { far: 0, isApart: false }
  const askBoth = async (ask: Ask): Promise<void> => {
    so.far += 1
    const number = so.far
    const [ours, theirs] = await Promise.all([pair.ours(ask), pair.theirs(ask)])
    statuses.set(theirs.status, (statuses.get(theirs.status) ?? 0) + 1)
    const apart = isWrite(ask) ? await stateDifferences(pair) : []
    so.isApart ||= apart.length > 0
    const whole = await withoutLimit(pair, ask, theirs)
    const differences = [...compare(ask, ours, theirs), ...strangers(ask, ours, whole), ...apart]
    if (theirs.status >= 400) await retire(ask)
    if (verbose) console.log(`${number} ${describe(ask)} → ${theirs.status}`)
    for (const difference of differences) {
      const why = EXPLANATIONS.find((each) => each.explains(difference, ask, { ours, theirs: whole }))
      if (why) explained.set(why.name, (explained.get(why.name) ?? 0) + 1)
      else {
        findings.push({ number, ask, difference })
        print({ number, ask, difference })
      }
    }
  }
  /**
   * The real service may keep a record of a new consumer whose claim it refused, shows nothing of it, and
   * refuses it from then on: such a one is asked for no more.
   */
  const retire = async (ask: Ask): Promise<void> => {
    for (const [index, uuid] of world.consumers.entries())
      if (
        isWrite(ask) &&
        `${ask.path} ${ask.text}`.includes(uuid) &&
        (await known.consumerGeneration(uuid)) === null
      )
        world.consumers[index] = chance.uuid()
  }
  for await (const ask of firstAsks(chance, world, known)) await askBoth(ask)
  while (so.far < requests && !so.isApart) await askBoth(await nextAsk(chance, world, known))
  if (so.isApart) console.log('\nThe two have gone apart: what would follow would only repeat it.')
  report({ number: so.far, seed, statuses, explained, findings })
  return findings.length
}

/** Whether both have the same providers at the same generations, in the same trees. */
async function stateDifferences(pair: Pair): Promise<Difference[]> {
  const ask: Ask = { method: 'GET', path: '/resource_providers', version: '1.39' }
  const stateOf = ({ json }: Reply) => {
    const { resource_providers: providers } = json as {
      resource_providers: {
        uuid: string
        name: string
        generation: number
        parent_provider_uuid: string | null
      }[]
    }
    return Object.fromEntries(
      providers.map(({ uuid, ...rest }) => [
        uuid,
        `${rest.name} ${rest.generation} ${rest.parent_provider_uuid}`,
      ]),
    )
  }
  const [ours, theirs] = await Promise.all([pair.ours(ask), pair.theirs(ask)])
  const [a, b] = [stateOf(ours), stateOf(theirs)]
  const uuids = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((uuid) => a[uuid] !== b[uuid])
  return uuids.map((uuid) => ({ where: `provider ${uuid} afterwards`, ours: a[uuid], theirs: b[uuid] }))
}

/** What the real service finds when it may find all. */
async function withoutLimit(pair: Pair, ask: Ask, limited: Reply): Promise<Reply> {
  if (!isLimited(ask) || limited.status !== 200) return limited
  const path = ask.path.replaceAll(/(?<=[?&])limit=[^&]*(&|$)/g, '')
  const all = await pair.theirs({ ...ask, path })
  return all.status === 200 ? all : limited
}

/** With a limit each may pick its own candidates; ours must be among all that there are. */
function strangers(ask: Ask, ours: Reply, whole: Reply): Difference[] {
  if (!isLimited(ask) || ours.status !== 200 || whole.status !== 200) return []
  const requestsOf = (reply: Reply): string[] =>
    (reply.json as { allocation_requests: unknown[] }).allocation_requests.map((each) =>
      stable(settled(each)),
    )
  const known = new Set(requestsOf(whole))
  const odd = requestsOf(ours).filter((each) => !known.has(each))
  return odd.length === 0 ? [] : [{ where: 'candidates', ours: odd, theirs: [...known] }]
}

function knowledgeOf(endpoint: Endpoint): Knowledge {
  const look = async (path: string) => (await endpoint({ method: 'GET', path, version: '1.39' })).json
  return {
    async generationOf(provider) {
      const body = (await look(`/resource_providers/${provider}`)) as { generation?: number }
      return body.generation ?? 0
    },
    async consumerGeneration(consumer) {
      const body = (await look(`/allocations/${consumer}`)) as { consumer_generation?: number }
      return body.consumer_generation ?? null
    },
  }
}

function describe({ method, path, version, text, headers, as }: Ask): string {
  const more = [
    version ?? 'no version',
    as,
    headers && Object.keys(headers).length > 0 && JSON.stringify(headers),
  ]
  return `${method} ${path} (${more.filter(Boolean).join(', ')})${text === undefined ? '' : ` ${text}`}`
}

const LONG = 1_500

function print({ number, ask, difference }: Finding): void {
  const { ours, theirs } = apart(difference)
  const short = (value: unknown): string => stable(value).slice(0, LONG)
  console.log(
    `\n#${number} ${describe(ask).slice(0, LONG)}\n  ${difference.where}\n    ours   ${short(ours)}\n    theirs ${short(theirs)}`,
  )
}

/** Of two bodies only what the other has not: of candidates, those; else the keys. */
function apart({ ours, theirs }: Difference): { readonly ours: unknown; readonly theirs: unknown } {
  const isBody = (side: unknown): side is Record<string, unknown> =>
    typeof side === 'object' && side !== null && !Array.isArray(side)
  if (!isBody(ours) || !isBody(theirs)) return { ours, theirs }
  const only = (a: Record<string, unknown>, b: Record<string, unknown>): unknown =>
    Object.fromEntries(
      Object.entries(a)
        .filter(([name, value]) => stable(value) !== stable(b[name]))
        .map(([name, value]) => [name, without(value, b[name])]),
    )
  return { ours: only(ours, theirs), theirs: only(theirs, ours) }
}

function without(value: unknown, other: unknown): unknown {
  if (!Array.isArray(value) || !Array.isArray(other)) return value
  const known = new Set(other.map(stable))
  return value.filter((each) => !known.has(stable(each)))
}

interface Report {
  readonly number: number
  readonly seed: number
  readonly statuses: ReadonlyMap<number, number>
  readonly explained: ReadonlyMap<string, number>
  readonly findings: readonly Finding[]
}

function report({ number, seed, statuses, explained, findings }: Report): void {
  const byStatus = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status}`)
  console.log(`\n${number} requests (seed ${seed}): ${byStatus.join(', ')}`)
  for (const { name, reason } of EXPLANATIONS)
    if (explained.has(name)) console.log(`explained ${explained.get(name)} × ${name}: ${reason}`)
  const places = Map.groupBy(findings, ({ difference }) => difference.where.replace(/[0-9a-f-]{36}/, '…'))
  for (const [where, some] of places) console.log(`unexplained ${some.length} × ${where}`)
  console.log(`${findings.length} unexplained differences`)
}
