/** The table of parity, `docs/api/parity.md`: a row for each of Nova's routes, with what of it is shown to be the same. */
import { apiRoutes } from '#api/index.ts'
import { includes, type Operation, type Version, versionOf } from '#lib/versioned/index.ts'
import { testServices } from '../functional/api/compute-api.ts'
import type { Answers } from './answers.ts'
import { type FactRoute, holds, keyOf, requestSampleFiles, responseSamples, routeFacts } from './facts.ts'

const VERSIONS: readonly Version[] = Array.from({ length: 104 }, (_, index) => versionOf(`2.${index + 1}`))

export interface Row {
  readonly key: string
  readonly versions: string
  readonly status: string
  readonly here: 'same' | 'not yet' | 'other versions'
  /** Samples shown to be the same, of how many. */
  readonly requests: readonly [number, number]
  readonly answers: readonly [number, number]
}

/** Samples that break their own schema, by age or on purpose, as the facts say. */
export const BROKEN_SAMPLES: readonly string[] = [
  'os-keypairs/v2.92/keypairs-post-req.json',
  'os-server-external-events/event-create-req.json',
  'servers/v2.90/server-create-req.json',
  'servers/v2.94/server-create-req.json',
]

/** Whether some operation takes the sample at its version. */
export function takes(operations: readonly Operation[], sample: { version: string; body: unknown }): boolean {
  const version = versionOf(sample.version)
  const operation = operations.find((each) => includes(each.range, version))
  return operation !== undefined && !operation.checkBody(version, sample.body, { strip: false })
}

export function rowsOf(answers: Answers): readonly Row[] {
  const operations = Map.groupBy(
    apiRoutes(testServices()).map(({ operation }) => operation),
    keyOf,
  )
  const [asked, answered] = [requestSampleFiles(), responseSamples()]
  return [...routeFacts()].map(([key, fact]) => {
    const own = operations.get(key) ?? []
    const requests = asked.get(key) ?? []
    const files = (answered.get(key) ?? []).map(({ file }) => file)
    const isGood = (file: string): boolean => {
      const result = answers.samples.get(file)
      return result === 'alike' || (typeof result === 'object' && 'explained' in result)
    }
    const taken = requests.filter(
      (sample) => BROKEN_SAMPLES.includes(sample.file) || fact.status === 'removed' || takes(own, sample),
    )
    // Of what is gone, an answer once was; nobody gets it.
    const alike = fact.status === 'removed' ? files : files.filter(isGood)
    return {
      key,
      versions: versionsOf(fact),
      status: STATUSES[fact.status] ?? fact.status,
      here: hereOf(fact, own),
      requests: [taken.length, requests.length],
      answers: [alike.length, files.length],
    }
  })
}

/** What is not shown to be the same, and has no reason why. */
export function differencesOf(rows: readonly Row[], { samples }: Answers): readonly string[] {
  const isWhole = ([good, all]: readonly [number, number]): boolean => good === all
  const routes = rows.flatMap(({ key, here, requests, answers }) =>
    here === 'same' && isWhole(requests) && isWhole(answers)
      ? []
      : [`${key}: ${here}, ${requests.join(' of ')} requests, ${answers.join(' of ')} answers`],
  )
  const files = [...samples].flatMap(([file, result]) =>
    Array.isArray(result) ? [`${file}: ${result.join(' ')}`] : [],
  )
  return [...routes, ...files]
}

const STATUSES: Readonly<Record<string, string>> = {
  active: '',
  '404-after-max': 'ends',
  removed: 'gone',
  redirect: 'shown as it is, without a redirect',
}

const versionsOf = ({ min, max }: FactRoute): string => `${min ?? '2.1'} – ${max ?? ''}`.trim()

function hereOf(fact: FactRoute, own: readonly Operation[]): Row['here'] {
  if (fact.status === 'redirect') return 'same'
  if (own.length === 0) return 'not yet'
  const isSame = VERSIONS.every(
    (version) => own.some(({ range }) => includes(range, version)) === holds(fact, version),
  )
  return isSame || fact.status === 'removed' ? 'same' : 'other versions'
}

const ratio = ([good, all]: readonly [number, number]): string => (all === 0 ? '' : `${good} of ${all}`)
const total = (rows: readonly Row[], of: 'requests' | 'answers'): string =>
  ratio([rows.reduce((sum, row) => sum + row[of][0], 0), rows.reduce((sum, row) => sum + row[of][1], 0)])

/** The page. */
export function pageOf(rows: readonly Row[], answers: Answers, unasked: readonly string[]): string {
  const cells = (row: Row) => [
    `\`${row.key.replaceAll('{}', '{…}')}\``,
    row.versions,
    row.status,
    row.here,
    ratio(row.requests),
    ratio(row.answers),
  ]
  const table = (lines: readonly (readonly string[])[]) => lines.map((line) => `| ${line.join(' | ')} |`)
  const explained = [...answers.samples].flatMap(([file, result]) =>
    typeof result === 'object' && 'explained' in result ? [[file, result.explained]] : [],
  )
  const differing = [...answers.samples].flatMap(([file, result]) =>
    Array.isArray(result) ? [[file, (result as string[]).slice(0, 6).join(' ')]] : [],
  )
  return `${[
    '# Parity with Nova',
    '',
    'Made by `npm run parity -- --write`, from facts of the API at 2.1 to 2.104, which are not part of this repository; do not edit.',
    'A route is *same* when it is there at the same versions. Each body and query that its schemas take and refuse is compared',
    'by `test/parity/requests.test.ts`; what it answers when it is not there, by `test/parity/statuses.test.ts`. A request',
    'sample counts when it is taken at its version; a sample of an answer, when a live request is answered with the same names,',
    'nested the same way, of the same types, with something in each list that is filled; or when it cannot be here, for the reason below.',
    '',
    `${rows.filter(({ here }) => here === 'same').length} of ${rows.length} routes, ${total(rows, 'requests')} samples of requests, ${total(rows, 'answers')} samples of answers, ${explained.length} of them for a reason below.`,
    '',
    ...table([
      ['Route', 'Versions', 'Of Nova', 'Here', 'Requests', 'Answers'],
      ['---', '---', '---', '---', '---', '---'],
      ...rows.map(cells),
    ]),
    '',
    ...(unasked.length === 0
      ? []
      : ['## Routes that no live request asks yet', '', ...unasked.map((key) => `- \`${key}\``), '']),
    '## Samples that cannot be here',
    '',
    ...table([['Sample', 'Why'], ['---', '---'], ...explained]),
    ...(differing.length === 0
      ? []
      : [
          '',
          '## Samples that differ',
          '',
          ...table([
            ['Sample', 'How: `-` missing, `+` more, `≠` of another type, `∅` empty'],
            ['---', '---'],
            ...differing,
          ]),
        ]),
  ].join('\n')}\n`
}
