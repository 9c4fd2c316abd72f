/** The little languages of query parameters: resources, traits, aggregates. */
import { badRequest } from '#lib/fault.ts'
import { isUuidLike } from '#lib/ids.ts'
import { canonicalUuid } from './endpoint.ts'

/** No unit is larger, so a larger amount is one that nobody has. */
const LARGEST_AMOUNT = 2 ** 31

/** `VCPU:2,MEMORY_MB:1024`; of a class named twice the last counts. Throws `badRequest`. */
export function readResources(text: string): ReadonlyMap<string, number> {
  const form = 'Expected resources query string parameter in form: ?resources=VCPU:2,MEMORY_MB:1024.'
  if (text.trim() === '') throw badRequest(`Badly formed resources parameter. ${form} Got: empty string.`)
  const resources = new Map<string, number>()
  for (const part of text.split(',')) {
    const [name = '', amount, ...more] = part.split(':')
    if (amount === undefined || more.length > 0)
      throw badRequest(`Badly formed resources parameter. ${form} Got: ${part}.`)
    if (!/^\s*[+-]?\d+\s*$/.test(amount))
      throw badRequest(`Requested resource ${name} expected positive integer amount. Got: ${amount}.`)
    const number = Number(amount)
    if (number < 1) throw badRequest(`Requested resource ${name} requires amount >= 1. Got: ${number}.`)
    resources.set(name, Math.min(number, LARGEST_AMOUNT))
  }
  return resources
}

export interface TraitRules {
  /** One of each list. */
  readonly required: readonly (readonly string[])[]
  readonly forbidden: readonly string[]
}

export interface TraitGrammar {
  /** `!TRAIT`. */
  readonly forbidden: boolean
  /** `in:A,B`, and the parameter may come several times. */
  readonly anyOf: boolean
}

/** The values of a `required` parameter; before `anyOf` only the last counts. Throws `badRequest`. */
export function readTraits(values: readonly string[], grammar: TraitGrammar): TraitRules {
  const rules = (grammar.anyOf ? values : values.slice(-1)).map((value) =>
    value.startsWith('in:') ? readAnyOf(value, grammar) : readAll(value, grammar),
  )
  const required = rules.flatMap((each) => each.required)
  const forbidden = [...new Set(rules.flatMap((each) => each.forbidden))]
  return { required, forbidden }
}

const isForbidden = (name: string): boolean => name.startsWith('!')

const refuse = (why: string, value: string) => badRequest(`Invalid query string parameters: ${why}: ${value}`)

/** `in:A,B`. */
function readAnyOf(value: string, grammar: TraitGrammar): TraitRules {
  const form = "The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC'"
  if (!grammar.anyOf) throw refuse(`${form} only supported since microversion 1.39. Got`, value)
  const names = [...new Set(namesIn(value.slice(3)))]
  if (names.includes(''))
    throw refuse(
      "Expected 'required' parameter value of the form: in:HW_CPU_X86_VMX,CUSTOM_MAGIC. Got an empty trait in",
      value,
    )
  if (names.some(isForbidden)) throw refuse(`${form} does not support forbidden traits. Got`, value)
  return { required: [names], forbidden: [] }
}

/** `A,!B`. */
function readAll(value: string, grammar: TraitGrammar): TraitRules {
  const names = namesIn(value)
  const forbidden = names.filter(isForbidden).map((name) => name.replace(/^!+/, ''))
  const example = grammar.forbidden ? 'HW_CPU_X86_VMX,!CUSTOM_MAGIC' : 'HW_CPU_X86_VMX,CUSTOM_MAGIC'
  const expected = `Expected 'required' parameter value of the form: ${example}.`
  if (names.includes('') || forbidden.includes('')) throw refuse(`${expected} Got an empty trait in`, value)
  if (forbidden.length > 0 && !grammar.forbidden) throw refuse(`${expected} Got`, value)
  const required = [...new Set(names.filter((name) => !isForbidden(name)))].map((name) => [name])
  return { required, forbidden }
}

const namesIn = (text: string): string[] => text.split(',').map((name) => name.trim())

/** The lists of traits of which every one is forbidden too, as messages name them. */
export const contradictions = ({ required, forbidden }: TraitRules): string[] =>
  required
    .filter((anyOf) => anyOf.every((trait) => forbidden.includes(trait)))
    .map((anyOf) => anyOf.toSorted().join(', '))

export interface AggregateRules {
  /** One of each list. */
  readonly memberOf: readonly (readonly string[])[]
  readonly forbidden: readonly string[]
}

export interface AggregateGrammar {
  /** `!AGGREGATE` and `!in:A,B`. */
  readonly forbidden: boolean
  /** The parameter may come several times. */
  readonly several: boolean
}

/** The values of a `member_of` parameter. Throws `badRequest`. */
export function readAggregates(
  key: string,
  values: readonly string[],
  grammar: AggregateGrammar,
): AggregateRules {
  if (values.length > 1 && !grammar.several) throw badRequest(`Multiple ${key} parameters are not supported`)
  const memberOf: string[][] = []
  const forbidden: string[] = []
  for (const value of values) {
    const negated = value.startsWith('!')
    const uuids = readUuids(value)
    if (negated && !grammar.forbidden)
      throw badRequest(`Forbidden ${key} parameters are not supported in the specified microversion`)
    if (negated) forbidden.push(...uuids)
    else memberOf.push(uuids)
  }
  return { memberOf, forbidden }
}

function readUuids(value: string): string[] {
  const bare = value.startsWith('!') ? value.slice(1) : value
  if (bare.includes(',') && !bare.startsWith('in:'))
    throw badRequest(
      `Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword using the valid microversion. Got: ${value}`,
    )
  const uuids = (bare.startsWith('in:') ? bare.slice(3) : bare).split(',')
  const bad = uuids.find((uuid) => !isUuidLike(uuid))
  if (bad !== undefined)
    throw badRequest(
      `Invalid query string parameters: Expected 'member_of' parameter to contain valid UUID(s). Got: ${bad}`,
    )
  return [...new Set(uuids.map(canonicalUuid))]
}
