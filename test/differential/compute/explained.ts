/** Differences that are meant: the table of a page in docs/decisions, read as it stands there. What is not in it is a defect. */
import { readFileSync } from 'node:fs'

/** One difference of one recorded request, in the words of `compare`. */
export interface Difference {
  readonly record: string
  /** `status`, `keys`, `types`, `error` or `headers`. */
  readonly kind: string
  readonly text: string
}

export interface Explanation {
  readonly records: readonly string[]
  readonly kind: string
  /** How the difference begins. */
  readonly begins: string
  readonly why: string
}

export const explains = ({ records, kind, begins }: Explanation, difference: Difference): boolean =>
  records.includes(difference.record) && kind === difference.kind && difference.text.startsWith(begins)

const ROW =
  /^\|\s*(?<records>\d{3}(?:, \d{3})*)\s*\|[^|]*\|\s*(?<kind>\w+): `(?<begins>[^`]+)`\s*\|(?<why>.+)\|$/

/** The rows `| records | request | kind: \`how it begins\` | why |` of a page. Throws when a row of records cannot be read. */
export function readExplanations(path: string): readonly Explanation[] {
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => /^\|\s*\d/.test(line))
  return rows.map((row) => {
    // A bar in a cell is written \| there.
    const groups = ROW.exec(row.replaceAll('\\|', '\0'))?.groups
    if (!groups) throw new Error(`${path}: this row cannot be read: ${row}`)
    const text = (name: string): string => (groups[name] ?? '').replaceAll('\0', '|').trim()
    return {
      records: text('records').split(', '),
      kind: text('kind'),
      begins: text('begins'),
      why: text('why'),
    }
  })
}
