/** The string formats that schemas may name, and what a failing one says. */
import { isIPv4, isIPv6 } from 'node:net'
import { isUuidLike } from '#lib/ids.ts'

export interface Format {
  readonly accepts: (text: string) => boolean
  /** The whole message, instead of "'…' is not a '…'". */
  readonly refusal?: string
}

/** Printable characters of the basic plane: no control, format, unassigned, line or paragraph separators. */
const PRINTABLE = String.raw`[^\p{C}\p{Zl}\p{Zp}\u{10000}-\u{10FFFF}]`
const printable = new RegExp(`^${PRINTABLE}*$`, 'u')
const hasVisible = /[^\p{C}\p{Z}]/u
const edgeSpace = /^[\p{C}\p{Z}]|[\p{C}\p{Z}]$/u

const name = (text: string) => text !== '' && printable.test(text) && !edgeSpace.test(text)
const looseName = (text: string) => printable.test(text) && hasVisible.test(text)
const isName = "An invalid 'name' value was provided. The name must be: "

const DATE_TIME =
  /^(\d{4})(?:-?(\d{1,2})(?:-?(\d{1,2})(?:[ T](\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?)?)?$/

/**
 * An ISO 8601 date or time in milliseconds since the epoch, read as UTC when it names no zone.
 * Undefined when it is none.
 */
export function readDateTime(text: string): number | undefined {
  const match = DATE_TIME.exec(text.trim())
  if (!match) return undefined
  const [, year, month = '1', day = '1', hour = '0', minute = '0', second = '0', fraction = '0', zone = 'Z'] =
    match
  const ms = Math.floor(Number(`0.${fraction}`) * 1000)
  const time = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    ms,
  )
  const date = new Date(time)
  const fits = date.getUTCDate() === Number(day) && date.getUTCMonth() === Number(month) - 1
  if (!fits || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  return time - zoneOffset(zone)
}

function zoneOffset(zone: string): number {
  if (zone === 'Z') return 0
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}

/** As Python's `base64.b64decode`: characters outside the alphabet are passed over, the padding must be right. */
function isBase64(text: string): boolean {
  const bare = text.replaceAll(/[^A-Za-z0-9+/=]/g, '')
  return bare.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(bare)
}

function isCidr(text: string): boolean {
  const [address = '', prefix = '', ...rest] = text.split('/')
  if (rest.length > 0 || !/^\d{1,3}$/.test(prefix)) return false
  return (isIPv4(address) && Number(prefix) <= 32) || (isIPv6(address) && Number(prefix) <= 128)
}

function isRegex(text: string): boolean {
  if (text === '') return false
  try {
    return new RegExp(text) instanceof RegExp
  } catch {
    return false
  }
}

function isUri(text: string): boolean {
  if (!/^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/\s]+/.test(text)) return false
  return URL.canParse(text) && !/[^\x21-\x7e]/.test(text)
}

export const FORMATS: Readonly<Record<string, Format>> = {
  uuid: { accepts: isUuidLike },
  ipv4: { accepts: isIPv4 },
  ipv6: { accepts: isIPv6 },
  cidr: { accepts: isCidr },
  base64: { accepts: isBase64 },
  regex: { accepts: isRegex },
  uri: { accepts: isUri },
  'date-time': { accepts: (text) => readDateTime(text) !== undefined },
  name: { accepts: name, refusal: `${isName}printable characters. Can not start or end with whitespace.` },
  name_with_leading_trailing_spaces: {
    accepts: looseName,
    refusal: `${isName}printable characters with at least one non space character`,
  },
  az_name: {
    accepts: (text) => name(text) && !text.includes(':'),
    refusal: `${isName}printable characters except :. Can not start or end with whitespace.`,
  },
  az_name_with_leading_trailing_spaces: {
    accepts: (text) => looseName(text) && !text.includes(':'),
    refusal: `${isName}printable characters except :, with at least one non space character`,
  },
}
