/** Asks a whole cloud everything at every version, and compares what it says with the facts' schemas and Nova's samples. */
import { join } from 'node:path'
import { apiRoutes } from '#api/index.ts'
import { openDatabase } from '#db/kit/index.ts'
import { includes, type Operation, versionOf } from '#lib/versioned/index.ts'
import { testServices } from '../functional/api/compute-api.ts'
import type { WholeCloud } from '../functional/whole-cloud.ts'
import { type Ask, asksOf } from './cloud-asks.ts'
import { keyOf, responseSamples, schemaFacts } from './facts.ts'
import { differences, type Shape, shapeOf } from './likeness.ts'

/** Alike, why that cannot be here, or how the nearest answer differs. */
export type Result = 'alike' | { readonly explained: string } | readonly string[]

export interface Answers {
  /** Reasons why a sample cannot be here that none needs. */
  readonly unneeded: readonly string[]
  readonly asked: number
  /** Answers that are no success, or that do not fit the schema. */
  readonly failures: readonly string[]
  /** Routes that are here, but not among what is asked. */
  readonly unasked: readonly string[]
  /** By file. Absent: its route is not asked. */
  readonly samples: ReadonlyMap<string, Result>
}

const VERSIONS = Array.from({ length: 104 }, (_, index) => `2.${index + 1}`)

/** What is written is asked where a sample is of it, and at the two ends. */
const ENDS = ['2.1', '2.104']

/** Samples of what this cloud does not have, with the reason. */
const EXPLAINED: readonly (readonly [RegExp, string])[] = [
  [/v2.69\/|down-cell/, 'there are no cells that could be down'],
  [/host-put-maintenance/, 'the driver here has no maintenance of hosts'],
  [
    /network(-show|s-list)-resp/,
    'of networks that Nova itself once kept: those of Neutron have no such fields',
  ],
  [/os-volumes-post-resp/, 'a volume that was made just now is attached to nothing'],
  [/host-get-(reboot|shutdown|startup)/, 'no driver here switches its host off or on: 501'],
  [/os-baremetal-nodes/, 'there is no Ironic: 501, as of a Nova without one'],
  [/os-assisted-volume-snapshots/, 'no driver here keeps volumes in files'],
  [/os-server-shares/, 'there is no Manila: shares are none, and none is found'],
  [/os-server-topology/, 'no guest is bound to nodes of its host: there are none to show'],
  [/os-server-diagnostics\/server/, 'no driver here counts what goes over network interfaces'],
  [/get-(spice|serial|rdp)-console|create-(mks|spice-direct|rdp)-console/, 'a console of other drivers'],
]

interface Given {
  readonly key: string
  readonly shape: Shape
}

export async function answersOf(cloud: WholeCloud): Promise<Answers> {
  const store = openDatabase(`sqlite://${join(cloud.stateDir, 'kilonova.sqlite')}`)
  try {
    return await answersWith(await asksOf(cloud, store))
  } finally {
    await store.close()
  }
}

async function answersWith(asks: readonly Ask[]): Promise<Answers> {
  const facts = schemaFacts('response')
  const samples = [...responseSamples()].flatMap(([key, some]) => some.map((one) => ({ key, ...one })))
  const operations = apiRoutes(testServices()).map(({ operation }) => operation)
  const failures: string[] = []
  const compared = new Map<string, Result>()
  let asked = 0
  for (const at of VERSIONS) {
    const version = versionOf(at)
    const given: Given[] = []
    const sampled = samples.filter((sample) => sample.version === at)
    for (const ask of asksAt(asks, operations, at, new Set(sampled.map(({ key }) => key)))) {
      const key = keyOfAsk(ask)
      const { status, body } = await ask.send(at)
      const shown = JSON.stringify(body).slice(0, 600)
      asked += 1
      const isRight = ask.refused === undefined ? status < 300 : status === ask.refused
      if (!isRight) failures.push(`${key} at ${at}: ${status} ${shown}`)
      if (status < 300) given.push({ key, shape: shapeOf(body) })
      const fits = facts.find(key, 'body', version)
      if (status < 300 && fits !== undefined && !fits(body === '' ? null : asChecked(body)))
        failures.push(`${key} at ${at}: ${JSON.stringify(fits.errors?.slice(0, 2))} ${shown}`)
    }
    for (const { key, file, body } of sampled) {
      const result = likest(shapeOf(body), given, key, file)
      if (result !== undefined) compared.set(file, result)
    }
  }
  const reasons = new Set(
    [...compared.values()].flatMap((result) => (hasReason(result) ? [result.explained] : [])),
  )
  const askedKeys = new Set(asks.map(keyOfAsk))
  const unasked = operations.filter((one) => one.statusAt(versionOf('2.1')) !== 410).map(keyOf)
  return {
    asked,
    failures,
    samples: compared,
    unneeded: EXPLAINED.map(([, reason]) => reason).filter((reason) => !reasons.has(reason)),
    unasked: [...new Set(unasked)].filter((key) => !askedKeys.has(key)).sort(),
  }
}

/** The facts take hosts that have not run an audit for uuids; they are names. */
const asChecked = (body: unknown): unknown =>
  JSON.parse(JSON.stringify(body), (name, value: unknown) => (name === 'hosts_not_run' ? [] : value))

/** What to ask at a version: writes only where that shows something. */
function* asksAt(
  asks: readonly Ask[],
  operations: readonly Operation[],
  at: string,
  sampled: ReadonlySet<string>,
): Generator<Ask> {
  for (const ask of asks) {
    const key = keyOfAsk(ask)
    const isThere = operations.some((one) => keyOf(one) === key && includes(one.range, versionOf(at)))
    if (isThere && (!ask.rare || ENDS.includes(at) || sampled.has(key))) yield ask
  }
}

function likest(expected: Shape, given: readonly Given[], key: string, file: string) {
  const own = given.filter((answer) => answer.key === key)
  const [nearest] = own
    .map(({ shape }) => differences(expected, shape))
    .toSorted((a, b) => a.length - b.length)
  if (nearest?.length === 0) return 'alike'
  const explained = EXPLAINED.find(([pattern]) => pattern.test(file))?.[1]
  return explained === undefined ? nearest : { explained }
}

const hasReason = (result: Result): result is { readonly explained: string } =>
  typeof result === 'object' && 'explained' in result

const keyOfAsk = ({ route }: Ask): string => {
  const [, method = '', path = '', action] = /^(\S+) ([^#]+)(?:#(.*))?$/.exec(route) ?? []
  return keyOf({ method, path, action })
}
