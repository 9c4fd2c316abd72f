/**
 * Queries about a host, written as JSON: `["and", [">=", "$free_ram_mb", 1024], ["not", ["=", "$host", "h1"]]]`. Whoever
 * may make a server writes them, so that what is too large or makes no sense is refused, and never thrown at the scheduler.
 */
import { isDeepStrictEqual } from 'node:util'

/** What a query finds in place of `$cpu_info.arch`: undefined when there is no such thing. */
export type Lookup = (path: readonly string[]) => unknown

/** A query that was understood: whether it is true of what is looked up. Never throws. */
export type Query = (look: Lookup) => boolean

/** So many values, of which lists may be in lists so deep: more than anybody writes, and done with at once for each of many hosts. */
const MOST_VALUES = 200
const MOST_DEPTH = 50

type Term = (look: Lookup) => unknown

const isNumber = (value: unknown): value is number | boolean =>
  typeof value === 'number' || typeof value === 'boolean'

/** As in Python, where true is 1. */
const isEqual = (a: unknown, b: unknown): boolean =>
  isNumber(a) && isNumber(b) ? Number(a) === Number(b) : isDeepStrictEqual(a, b)

/** Below, at or above 0; undefined for what cannot be compared. */
function orderOf(a: unknown, b: unknown): number | undefined {
  if (isNumber(a) && isNumber(b)) return Number(a) - Number(b)
  if (typeof a !== 'string' || typeof b !== 'string') return undefined
  return a < b ? -1 : a > b ? 1 : 0
}

/** As in Python: what is empty is false. */
const isTrue = (value: unknown): boolean =>
  typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value)

/** The first with each of the others; false without others. */
const withEach =
  (holds: (first: unknown, other: unknown) => boolean) =>
  ([first, ...others]: readonly unknown[]): boolean =>
    others.length > 0 && others.every((other) => holds(first, other))

const ordered = (holds: (order: number) => boolean) =>
  withEach((a, b) => {
    const order = orderOf(a, b)
    return order !== undefined && holds(order)
  })

const OPERATORS: Readonly<Record<string, (args: readonly unknown[]) => boolean>> = {
  '=': withEach(isEqual),
  '<': ordered((order) => order < 0),
  '>': ordered((order) => order > 0),
  '<=': ordered((order) => order <= 0),
  '>=': ordered((order) => order >= 0),
  in: ([first, ...others]) => others.some((other) => isEqual(first, other)),
  not: (args) => args.some((arg) => !isTrue(arg)),
  or: (args) => args.some(isTrue),
  and: (args) => args.every(isTrue),
}

/** The query, or why it is none. What is empty is true of everything. */
export function queryOf(text: unknown): Query | string {
  if (typeof text !== 'string') return 'is no text'
  let said: unknown
  try {
    said = JSON.parse(text)
  } catch {
    return 'is no JSON'
  }
  if (!isTrue(said)) return () => true
  if (!isSmall(said)) return `is too large: at most ${MOST_VALUES} values, ${MOST_DEPTH} deep`
  const term = Array.isArray(said) ? termOf(said) : undefined
  return term ? (look) => isTrue(term(look)) : 'is no list that begins with one of its operators'
}

function isSmall(value: unknown): boolean {
  let values = 0
  const isWithin = (each: unknown, depth: number): boolean => {
    values += 1
    if (values > MOST_VALUES || depth > MOST_DEPTH) return false
    if (typeof each !== 'object' || each === null) return true
    return Object.values(each).every((inner) => isWithin(inner, depth + 1))
  }
  return isWithin(value, 1)
}

/** Undefined when a list within begins with no operator. */
function termOf(said: unknown): Term | undefined {
  if (!Array.isArray(said)) return valueOf(said)
  if (said.length === 0) return () => true
  const [name, ...rest] = said as readonly unknown[]
  const operate = typeof name === 'string' && Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined
  const terms = rest.map(termOf)
  if (!operate || terms.includes(undefined)) return undefined
  return (look) =>
    // What is not there is left out of the comparison, as in Nova.
    operate(terms.map((term) => term?.(look)).filter((value) => value !== undefined && value !== null))
}

function valueOf(said: unknown): Term {
  if (said === '') return () => undefined
  if (typeof said !== 'string' || !said.startsWith('$')) return () => said
  const path = said.slice(1).split('.')
  return (look) => look(path)
}
