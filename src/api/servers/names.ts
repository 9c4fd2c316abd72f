/** Names a create makes up: display names of many servers, host names, passwords, reservations. */
import type { Ids } from '#lib/ids.ts'

const MAX_HOSTNAME = 63

/** `web` for one server, `web-1`, `web-2` … for several. */
export const numbered = (name: string, index: number, count: number): string =>
  count > 1 ? `${name}-${index + 1}` : name

/** A host name made of a display name; `Server-<uuid>` when nothing of it is left. */
export function hostnameOf(displayName: string, uuid: string): string {
  const name = displayName
    .slice(0, MAX_HOSTNAME)
    .replaceAll(/[_\s.]+/g, '-')
    .replaceAll(/[^A-Za-z0-9-]+/g, '')
    .toLowerCase()
    .replaceAll(/^-+|-+$/g, '')
  return name === '' ? `Server-${uuid}` : name
}

/** Without 0, O, 1, l and I, which people mistake for one another. */
const SYMBOL_GROUPS = ['23456789', 'ABCDEFGHJKLMNPQRSTUVWXYZ', 'abcdefghijkmnopqrstuvwxyz'] as const
const SYMBOLS = SYMBOL_GROUPS.join('')

/** A password with a digit, a capital and a small letter. */
export function makePassword(ids: Ids, length: number): string {
  const bytes = Buffer.from(ids.secret(length * 2), 'base64url')
  const pick = (symbols: string, at: number) => symbols[bytes.readUInt16BE(at * 2) % symbols.length] ?? ''
  return Array.from({ length }, (_, index) => pick(SYMBOL_GROUPS[index] ?? SYMBOLS, index)).join('')
}

/** `r-` and eight letters or digits. */
export const makeReservationId = (ids: Ids): string =>
  `r-${BigInt(`0x${ids.uuid().replaceAll('-', '')}`)
    .toString(36)
    .padStart(8, '0')
    .slice(-8)}`
