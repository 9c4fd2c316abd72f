/**
 * What a caller may send: each kind's attributes as a table of checks, read once for creates and updates.
 * A check returns the value as it is stored, or says why it cannot be.
 */
import { badRequest } from '#lib/fault.ts'
import { isUuid } from '#lib/ids.ts'
import { formatCidr, formatIp, parseCidr, parseIp, parseMac } from './addresses.ts'

/** Why a value is refused, as a sentence. */
export class Refused {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

export type Check = (value: unknown) => unknown

export interface Attribute {
  readonly check: Check
  /** Missing from a create: this is taken. Absent: the attribute must be sent. */
  readonly default?: unknown
  /** May be given at create (default yes) and changed later (default yes). */
  readonly create?: boolean
  readonly update?: boolean
  /** Only admins may send it, or even see it. */
  readonly admin?: 'set' | 'see'
}

export type Attributes = Readonly<Record<string, Attribute>>
export type Input = Readonly<Record<string, unknown>>

const show = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : JSON.stringify(value))

export const text =
  (max: number): Check =>
  (value) => {
    if (typeof value !== 'string') return new Refused(`${show(value)} is not a valid string`)
    return value.length > max ? new Refused(`'${value}' exceeds maximum length of ${max}`) : value
  }

const TRUE = new Set<unknown>([true, 1, '1', 'true', 'yes', 'on', 't', 'y'])
const FALSE = new Set<unknown>([false, 0, '0', 'false', 'no', 'off', 'f', 'n'])

/** A boolean, or one of the words that stand for it in a query string. */
export const flag: Check = (value) => {
  const word = typeof value === 'string' ? value.toLowerCase() : value
  if (TRUE.has(word)) return true
  return FALSE.has(word) ? false : new Refused(`${show(value)} cannot be converted to boolean`)
}

export const integer =
  (min: number, max: number): Check =>
  (value) => {
    const number = typeof value === 'string' && /^-?\d{1,9}$/.test(value) ? Number(value) : value
    if (typeof number !== 'number' || !Number.isInteger(number))
      return new Refused(`${show(value)} is not an integer`)
    if (number < min) return new Refused(`${show(value)} is too small - must be at least '${min}'`)
    return number > max
      ? new Refused(`${show(value)} is too large - must be no larger than '${max}'`)
      : number
  }

export const uuid: Check = (value) =>
  typeof value === 'string' && isUuid(value) ? value : new Refused(`${show(value)} is not a valid UUID`)

export const choice =
  (...choices: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && choices.includes(value)
      ? value
      : new Refused(`${show(value)} is not in [${choices.map((one) => `'${one}'`).join(', ')}]`)

export const orNull =
  (check: Check): Check =>
  (value) =>
    value === null ? null : check(value)

export const ipAddress: Check = (value) => {
  const ip = typeof value === 'string' ? parseIp(value) : undefined
  return ip ? formatIp(ip) : new Refused(`${show(value)} is not a valid IP address`)
}

/** An address or a subnet, kept as it is meant. */
export const addressOrCidr: Check = (value) => {
  const cidr = typeof value === 'string' ? parseCidr(value) : undefined
  return cidr ? formatCidr(cidr) : ipAddress(value)
}

export const cidr: Check = (value) => {
  const parsed = typeof value === 'string' ? parseCidr(value) : undefined
  return parsed ? formatCidr(parsed) : new Refused(`${show(value)} is not a valid IP subnet`)
}

export const mac: Check = (value) =>
  (typeof value === 'string' ? parseMac(value) : undefined) ??
  new Refused(`${show(value)} is not a valid MAC address`)

const DNS_NAME = /^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)?$/
export const dnsName: Check = (value) =>
  typeof value === 'string' && DNS_NAME.test(value)
    ? value.toLowerCase()
    : new Refused(`${show(value)} is not a valid host name`)

/** The string that was sent (and checked) under `name`; empty when none was. */
export const textIn = (input: Input, name: string): string => {
  const value = input[name]
  return typeof value === 'string' ? value : ''
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const MAX_PROFILE = 4095
/** Any object that is not large. */
export const freeObject: Check = (value) => {
  if (!isObject(value)) return new Refused(`${show(value)} is not a dictionary`)
  return JSON.stringify(value).length > MAX_PROFILE
    ? new Refused(`larger than ${MAX_PROFILE} characters`)
    : value
}

const itemsOf = (check: Check, max: number, value: unknown): unknown[] | Refused => {
  const list = value === null ? [] : value
  if (!Array.isArray(list)) return new Refused(`${show(value)} is not a list`)
  if (list.length > max) return new Refused(`more than ${max} items`)
  const checked = list.map(check)
  return checked.find((item) => item instanceof Refused) ?? checked
}

export const listOf =
  (check: Check, max = 100): Check =>
  (value) => {
    const checked = itemsOf(check, max, value)
    if (checked instanceof Refused) return checked
    return checked.some((item, i) =>
      checked.slice(0, i).some((other) => JSON.stringify(other) === JSON.stringify(item)),
    )
      ? new Refused(`Duplicate items in the list: ${show(value)}`)
      : checked
  }

/** Subnets and addresses for a port. A subnet may be there twice, which asks for two of its addresses. */
export const fixedIps =
  (max = 100): Check =>
  (value) => {
    const checked = itemsOf(shape({ 'subnet_id?': uuid, 'ip_address?': ipAddress }), max, value)
    if (checked instanceof Refused) return checked
    const addresses = checked.flatMap((item) => (isObject(item) ? (item['ip_address'] ?? []) : []))
    const twice = addresses.find((address, at) => addresses.indexOf(address) !== at)
    return twice === undefined ? checked : new Refused(`Duplicate IP address ${show(twice)}`)
  }

/** A list of ids, each there once. */
export const idSet: Check = (value) => {
  const twice = Array.isArray(value) ? value.filter((id, at) => value.indexOf(id) !== at) : []
  if (twice.length > 0) return new Refused(`Duplicate items in the list: '${[...new Set(twice)].join(', ')}'`)
  return listOf(uuid)(value)
}

/** An object of these keys; a key whose name ends in `?` may be missing. */
export const shape =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) => {
    if (!isObject(value)) return new Refused(`${show(value)} is not a dictionary`)
    const known = new Map(Object.entries(fields).map(([name, check]) => [name.replace('?', ''), check]))
    const unknown = Object.keys(value).find((key) => !known.has(key))
    if (unknown !== undefined) return new Refused(`'${unknown}' is not expected`)
    const result: Record<string, unknown> = {}
    for (const [name, check] of known) {
      if (value[name] === undefined) {
        if (`${name}?` in fields) continue
        return new Refused(`'${name}' is missing`)
      }
      const checked = check(value[name])
      if (checked instanceof Refused) return checked
      result[name] = checked
    }
    return result
  }

const invalid = (message: string) => badRequest(message, { code: 'HTTPBadRequest' })

/** Checks what was sent for a create (defaults filled in) or an update (only what was sent). Throws 400. */
export function readInput(attributes: Attributes, sent: unknown, mode: 'create' | 'update'): Input {
  if (!isObject(sent)) throw invalid('Unable to find resource in request body')
  const unknown = Object.keys(sent).filter((name) => !(name in attributes) && name !== 'tenant_id')
  if (unknown.length > 0) throw invalid(`Unrecognized attribute(s) '${unknown.join(', ')}'`)
  const input: Record<string, unknown> = {}
  for (const [name, attribute] of Object.entries(attributes)) {
    const value = name === 'project_id' ? (sent['project_id'] ?? sent['tenant_id']) : sent[name]
    if (value !== undefined) input[name] = checked(name, attribute, value, mode)
    else if (mode === 'create' && attribute.create !== false) {
      if (!('default' in attribute))
        throw invalid(`Failed to parse request. Required attribute '${name}' not specified`)
      if (attribute.default !== undefined) input[name] = attribute.default
    }
  }
  return input
}

function checked(name: string, attribute: Attribute, value: unknown, mode: 'create' | 'update'): unknown {
  if (attribute[mode] === false)
    throw invalid(`Attribute '${name}' not allowed in ${mode === 'create' ? 'POST' : 'PUT'}`)
  const result = attribute.check(value)
  if (result instanceof Refused) throw invalid(`Invalid input for ${name}. Reason: ${result.reason}.`)
  return result
}

const MAX_NAME = 255

/** What every resource has. */
export const standardAttributes: Attributes = {
  name: { check: text(MAX_NAME), default: '' },
  description: { check: text(MAX_NAME), default: '' },
  project_id: { check: text(MAX_NAME), default: undefined, update: false },
}
