/**
 * oslo.config's INI dialect: sections, `key = value` or `key: value`, values that go on in indented lines,
 * comments that start a line with # or ;, keys and sections that repeat.
 */

/** One `key = value` as a file says it. `value` is raw text: lines joined by newlines, one pair of quotes off. */
export interface Assignment {
  readonly section: string
  readonly key: string
  readonly value: string
  /** Where the key stands, counted from 1. */
  readonly line: number
}

export interface IniProblem {
  readonly line: number
  readonly message: string
}

interface Open {
  readonly key: string
  readonly lines: string[]
  readonly line: number
}

/** Reads a whole file's text. What cannot be read is a problem with its line; the rest is read all the same. */
export function readIni(text: string): { assignments: Assignment[]; problems: IniProblem[] } {
  const assignments: Assignment[] = []
  const problems: IniProblem[] = []
  let section: string | undefined
  let open: Open | undefined
  const flush = () => {
    if (!open) return
    const { key, lines, line } = open
    open = undefined
    if (section === undefined) problems.push({ line, message: `'${key}' stands before any [section]` })
    else assignments.push({ section, key, value: lines.join('\n'), line })
  }
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = index + 1
    const content = raw.trimEnd()
    const refuse = (message: string) => problems.push({ line, message })
    if (/^[ \t]/.test(content)) {
      if (open) open.lines.push(content.trimStart())
      else refuse('an indented line continues nothing')
      continue
    }
    flush()
    if (content === '' || content.startsWith('#') || content.startsWith(';')) continue
    if (content.startsWith('[')) {
      const name = /^\[(.+)\]$/.exec(content)?.[1]
      if (name === undefined) refuse(`'${content}' is no [section]`)
      else section = sectionName(name)
      continue
    }
    open = assignmentStart(content, line, refuse)
  }
  flush()
  return { assignments, problems }
}

/** Section names but DEFAULT do not mind letter case. */
const sectionName = (name: string): string => (name === 'DEFAULT' ? name : name.toLowerCase())

function assignmentStart(content: string, line: number, refuse: (message: string) => void): Open | undefined {
  const at = content.search(/[=:]/)
  const key = content.slice(0, at).trim()
  if (at < 0) refuse(`'${content}' is neither [section] nor key = value`)
  else if (key === '') refuse('a value without a key')
  else return { key: key.replaceAll('-', '_'), lines: [unquote(content.slice(at + 1).trim())], line }
  return undefined
}

/** Takes one pair of equal quotes off that enclose the whole value. */
function unquote(value: string): string {
  const quoted = value.length > 1 && value[0] === value.at(-1) && (value[0] === '"' || value[0] === "'")
  return quoted ? value.slice(1, -1) : value
}
