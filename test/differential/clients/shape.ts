/** What of a command's outcome has to be alike: its code, the names and types of what it shows, the words of its refusal. */
import { hostname } from 'node:os'
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

/** `without` are names left out of what is shown. */
export function outcomeOf({ code, out, err }: Said, without: ReadonlySet<string> = new Set()): Outcome {
  const error = code === 0 ? '' : saidOf(`${err}\n${out}`)
  return {
    code: String(code),
    status: /HTTP(?:Exception:)? (?<status>\d{3})/.exec(error)?.groups?.['status'] ?? '',
    shows: code === 0 ? shapeOf(out, without) : '',
    error,
  }
}

/** The last line that says something. */
function saidOf(text: string): string {
  const lines = text
    .replace(/req-[0-9a-f-]{36}/g, 'REQUEST')
    .replace(ID, 'ID')
    // Where the message of a neighbour's client goes on.
    .replace(/\s*Neutron server returns request_ids: \[[^\]]*\]/g, '')
    // Which of the two hosts a server came to is chance.
    .replace(/\bfake-\d\b/g, 'HOST')
    .replace(/(?<=(?:aggregates?|migrations?)[ /])\d+/gi, 'N')
    .replace(/https?:\/\/[^/\s]+(?:\/compute|\/identity|\/network|\/image|\/volume)?/g, 'URL')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('usage:') && !/^(WARNING|Try )/.test(line))
  return lines.at(-1) ?? ''
}

function shapeOf(out: string, without: ReadonlySet<string>): string {
  const text = out.trim()
  if (text === '') return ''
  if (/^[[{]/.test(text)) {
    try {
      return typesOf(JSON.parse(text) as unknown, without)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  return text.includes('+--') ? tableOf(text, without) : 'text'
}

/** `{"Name":string,…}`; a list by the union of what is in it. */
function typesOf(value: unknown, without: ReadonlySet<string>): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `[${unionOf(value.map((each) => typesOf(each, without)))}]`
  if (typeof value !== 'object') return typeof value
  return `{${Object.entries(value)
    .filter(([key]) => !without.has(key))
    .map(([key, each]) => `${nameOf(key)}: ${typesOf(each, without)}`)
    .sort()
    .join(', ')}}`
}

/** Ids and the names of the services' own hosts are each cloud's own. */
const nameOf = (key: string): string =>
  [hostname(), 'oracle'].includes(key) ? 'HOST' : key.replace(ID, 'ID')

const unionOf = (types: readonly string[]): string => [...new Set(types)].sort().join(' | ')

/** The columns of each table, or the names in the first column of one of properties. */
function tableOf(text: string, without: ReadonlySet<string>): string {
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
  const [head = []] = rows
  const isShown = (name: string): boolean => name !== '' && !without.has(name)
  const columns = head.filter(isShown).join(', ')
  if (!/^Property, Value$/.test(columns)) return columns
  const names = rows.slice(1).map((row) => row[1] ?? '')
  return names.filter(isShown).sort().join(', ')
}
