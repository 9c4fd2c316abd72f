/** Text to value by an option's declaration: a table of types, each with what it expects in words. */
import { isIP } from 'node:net'
import type { OptionDeclaration } from './declaration.ts'

/** What was wrong with a value: `expected` completes "expected …". */
export class Unfit extends Error {
  override readonly name = 'Unfit'
}

const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 'on', 'yes'].map((word) => [word, true] as const),
  ...['false', '0', 'off', 'no'].map((word) => [word, false] as const),
])

const SIZES: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }
const HOST =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/

const PORT_MAX = 65_535

/** Converts the texts given for an option (several only for `multi`, where all count; else the last counts). */
export function convert(option: OptionDeclaration, texts: readonly string[]): unknown {
  const text = texts.at(-1) ?? ''
  switch (option.type) {
    case 'string':
    case 'uri':
    case 'ip':
    case 'host':
      return convertText(option, text)
    case 'int':
    case 'float':
    case 'port':
    case 'size':
      return convertNumber(option, text.trim())
    case 'bool':
      return convertSwitch(option, text.trim())
    case 'list':
      return splitList(text).map((item) => chosen(item, option.choices))
    case 'multi':
      return texts.map((item) => chosen(item, option.choices))
    case 'dict':
      break
  }
  return convertDict(text)
}

function chosen<T extends string | number>(value: T, choices: readonly T[] | undefined): T {
  if (choices && !choices.includes(value))
    throw new Unfit(`one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`)
  return value
}

function convertText(option: OptionDeclaration & { type: 'string' | 'uri' | 'ip' | 'host' }, text: string) {
  if (text === '' && option.default === null) return null
  if (option.type === 'ip' && isIP(text) === 0) throw new Unfit('an IPv4 or IPv6 address')
  if (option.type === 'host' && isIP(text) === 0 && !HOST.test(text))
    throw new Unfit('a host name or an address')
  if (option.type === 'uri' && !/^[a-z][a-z0-9+.-]*:\/\/[^\s]+$/i.test(text))
    throw new Unfit('an absolute URI')
  if (option.pattern && !new RegExp(option.pattern).test(text)) throw new Unfit(`text like ${option.pattern}`)
  if (option.maxLength !== undefined && text.length > option.maxLength)
    throw new Unfit(`at most ${option.maxLength} characters`)
  return chosen(text, option.choices)
}

function convertNumber(
  option: OptionDeclaration & { type: 'int' | 'float' | 'port' | 'size' },
  text: string,
) {
  if (text === '' && option.default === null) return null
  const min = option.min ?? (option.type === 'port' || option.type === 'size' ? 0 : Number.NEGATIVE_INFINITY)
  const max = option.max ?? (option.type === 'port' ? PORT_MAX : Number.POSITIVE_INFINITY)
  const value = numberOf(option.type, text)
  if (value === undefined || value < min || value > max) throw new Unfit(numberWords(option.type, min, max))
  return chosen(value, option.choices)
}

function numberOf(type: 'int' | 'float' | 'port' | 'size', text: string): number | undefined {
  if (type === 'float') return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : undefined
  const parts = (type === 'size' ? /^(\d+) ?([KMGT]?)i?B?$/i : /^([-+]?\d+)()$/).exec(text)
  if (!parts) return undefined
  const value = Number(parts[1]) * (SIZES[(parts[2] ?? '').toUpperCase()] ?? 1)
  return Number.isSafeInteger(value) ? value : undefined
}

function numberWords(type: 'int' | 'float' | 'port' | 'size', min: number, max: number): string {
  const noun = {
    int: 'a whole number',
    float: 'a number',
    port: 'a port',
    size: 'a size in bytes (or with K, M, G, T)',
  }[type]
  if (Number.isFinite(min) && Number.isFinite(max)) return `${noun} from ${min} to ${max}`
  if (Number.isFinite(min)) return `${noun}, at least ${min}`
  return Number.isFinite(max) ? `${noun}, at most ${max}` : noun
}

function convertSwitch(option: OptionDeclaration & { type: 'bool' }, text: string): boolean | null {
  if (text === '' && option.default === null) return null
  const value = SWITCHES.get(text.toLowerCase())
  if (value === undefined) throw new Unfit('true or false')
  return value
}

/** Splits at commas (and line ends of a continued value); quotes keep a comma, a doubled one inside is itself. */
export function splitList(text: string): string[] {
  if (text.trim() === '') return []
  const items: string[] = []
  let rest = text
  for (;;) {
    const quoted = /^\s*(["'])((?:(?!\1)[^]|\1\1)*)\1\s*(?:,|$)/.exec(rest)
    const plain = quoted ?? /^([^,]*)(?:,|$)/.exec(rest)
    const quote = quoted?.[1] ?? ''
    items.push(quoted ? (quoted[2] ?? '').replaceAll(quote + quote, quote) : (plain?.[1] ?? '').trim())
    const taken = plain?.[0] ?? rest
    rest = rest.slice(taken.length)
    if (!taken.endsWith(',')) return items
    if (rest.trim() === '') return items
  }
}

function convertDict(text: string): Record<string, string> {
  const pairs = splitList(text).map((item) => {
    const at = item.indexOf(':')
    if (at <= 0) throw new Unfit('pairs key:value with commas between them')
    return [item.slice(0, at).trim(), item.slice(at + 1).trim()] as const
  })
  return Object.fromEntries(pairs)
}
