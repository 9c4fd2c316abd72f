/** Differences that are meant: the table of a page in docs/decisions, read as it stands there. */
import { readFileSync } from 'node:fs'
import type { Said } from './client.ts'
import { outcomeOf } from './shape.ts'

export interface Difference {
  readonly command: string
  /** `code`, `status`, `shows`, `error` or `state`. */
  readonly kind: string
  /** What ours came to. */
  readonly text: string
}

export interface Explanation {
  /** How the commands begin that it is about. */
  readonly command: string
  /** As a difference's; or `names`, which need not be alike in what is shown. */
  readonly kind: string
  /** How ours begins; the names, with commas between. */
  readonly begins: string
  readonly why: string
}

export const explains = ({ command, kind, begins }: Explanation, difference: Difference): boolean =>
  difference.command.startsWith(command) && kind === difference.kind && difference.text.startsWith(begins)

/** Which of the explanations make what both show alike, by leaving out names; none when they do not. */
export function withoutNames(
  explanations: readonly Explanation[],
  command: string,
  [our, their]: readonly [Said, Said],
): readonly Explanation[] {
  const about = explanations.filter((each) => each.kind === 'names' && command.startsWith(each.command))
  const names = new Set(about.flatMap(({ begins }) => begins.split(', ')))
  return outcomeOf(our, names).shows === outcomeOf(their, names).shows ? about : []
}

const ROW = /^\|\s*`(?<command>[^`]+)`\s*\|\s*(?<kind>\w+): (?:`(?<begins>[^`]+)`|nothing)\s*\|(?<why>.+)\|$/

/** The rows `| \`command\` | kind: \`how ours begins\` | why |` of a page. Throws when a row cannot be read. */
export function readExplanations(path: string): readonly Explanation[] {
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => /^\|\s*`/.test(line))
  return rows.map((row) => {
    // A bar in a cell is written \| there.
    const groups = ROW.exec(row.replaceAll('\\|', '\0'))?.groups
    if (!groups) throw new Error(`${path}: this row cannot be read: ${row}`)
    const text = (name: string): string => (groups[name] ?? '').replaceAll('\0', '|').trim()
    return { command: text('command'), kind: text('kind'), begins: text('begins'), why: text('why') }
  })
}
