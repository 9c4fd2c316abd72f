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

/** The values of a `required` parameter. Throws `badRequest`. */
export function readTraits(values: readonly string[], grammar: TraitGrammar): TraitRules {
  const rules = (grammar.anyOf ? values : values.slice(-1)).map((value) => readTraitValue(value, grammar))
  const required = rules.flatMap((each) => each.required)
  const forbidden = [...new Set(rules.flatMap((each) => each.forbidden))]
  return { required, forbidden }
}

function readTraitValue(value: string, grammar: TraitGrammar): TraitRules {
  const example = grammar.forbidden ? 'HW_CPU_X86_VMX,!CUSTOM_MAGIC' : 'HW_CPU_X86_VMX,CUSTOM_MAGIC'
  const bad = () =>
    badRequest(
      `Invalid query string parameters: Expected 'required' parameter value of the form: ${example}. Got: ${value}`,
    )
  const anyOf = grammar.anyOf && value.startsWith('in:')
  const names = (anyOf ? value.slice(3) : value).split(',').map((name) => name.trim())
  const isForbidden = (name: string) => name.startsWith('!')
  if (names.some((name) => name === '' || name === '!')) throw bad()
  if (anyOf) {
    if (names.some(isForbidden)) throw bad()
    return { required: [[...new Set(names)]], forbidden: [] }
  }
  if (!grammar.forbidden && names.some(isForbidden)) throw bad()
  return {
    required: [...new Set(names.filter((name) => !isForbidden(name)))].map((name) => [name]),
    forbidden: names.filter(isForbidden).map((name) => name.slice(1)),
  }
}

/** Refuses a trait that must and must not be there. Throws `badRequest`. */
export function refuseContradiction(key: string, { required, forbidden }: TraitRules): void {
  const both = required.filter((anyOf) => anyOf.every((trait) => forbidden.includes(trait))).flat()
  if (both.length > 0)
    throw badRequest(
      `Conflicting required and forbidden traits found in the following traits keys: ${key}: (${both.join(', ')})`,
    )
}

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
    if (negated && !grammar.forbidden)
      throw badRequest(
        `Forbidden member_of parameters are not supported in the specified microversion. Got: ${value}`,
      )
    const uuids = readUuids(negated ? value.slice(1) : value)
    if (negated) forbidden.push(...uuids)
    else memberOf.push(uuids)
  }
  return { memberOf, forbidden }
}

function readUuids(value: string): string[] {
  if (value.includes(',') && !value.startsWith('in:'))
    throw badRequest(
      `Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword using the valid microversion. Got: ${value}`,
    )
  const uuids = (value.startsWith('in:') ? value.slice(3) : value).split(',')
  const bad = uuids.find((uuid) => !isUuidLike(uuid))
  if (bad !== undefined)
    throw badRequest(
      `Invalid query string parameters: Expected 'member_of' parameter to contain valid UUID(s). Got: ${bad}`,
    )
  return [...new Set(uuids.map(canonicalUuid))]
}
