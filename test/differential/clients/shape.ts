/** What of a command's outcome has to be alike: its code, the names and types of what it shows, the words of its refusal. */
import type { Said } from './client.ts'

export interface Outcome {
  readonly code: string
  /** The HTTP status of a refusal; empty without one. */
  readonly status: string
  /** Names shown, with their types where the output has types. */
  readonly shows: string
  /** What was said of a failure, without ids. */
  readonly error: string
}

const ID = /\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b/g

export function outcomeOf({ code, out, err }: Said): Outcome {
  const error = code === 0 ? '' : saidOf(`${err}\n${out}`)
  return {
    code: String(code),
    status: /HTTP(?:Exception:)? (?<status>\d{3})/.exec(error)?.groups?.['status'] ?? '',
    shows: code === 0 ? shapeOf(out) : '',
    error,
  }
}

/** The last line that says something. */
function saidOf(text: string): string {
  const lines = text
    .replace(/req-[0-9a-f-]{36}/g, 'REQUEST')
    .replace(ID, 'ID')
    .replace(/(?<=(?:aggregates?|migrations?)[ /])\d+/gi, 'N')
    .replace(/https?:\/\/[^/\s]+(?:\/compute|\/network|\/image)?/g, 'URL')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('usage:') && !/^(WARNING|Try )/.test(line))
  return lines.at(-1) ?? ''
}

function shapeOf(out: string): string {
  const text = out.trim()
  if (text === '') return ''
  if (/^[[{]/.test(text)) {
    try {
      return typesOf(JSON.parse(text) as unknown)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  return text.includes('+--') ? tableOf(text) : 'text'
}

/** `{"Name":string,…}`; a list by the union of what is in it. */
function typesOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `[${unionOf(value.map((each) => typesOf(each)))}]`
  if (typeof value !== 'object') return typeof value
  return `{${Object.entries(value)
    .map(
      ([key, each]) => `${key.replace(ID, 'ID')}: ${typeof each === 'object' ? typesOf(each) : typeof each}`,
    )
    .sort()
    .join(', ')}}`
}

const unionOf = (types: readonly string[]): string => [...new Set(types)].sort().join(' | ')

/** The columns of each table, or the names in the first column of one of properties. */
function tableOf(text: string): string {
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
  const [head = []] = rows
  const columns = head.filter((name) => name !== '').join(', ')
  if (!/^Property, Value$/.test(columns)) return columns
  const names = rows.slice(1).map((row) => row[1] ?? '')
  return names
    .filter((name) => name !== '')
    .sort()
    .join(', ')
}
