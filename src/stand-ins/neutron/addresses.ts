/** IP and MAC addresses as numbers: subnets, ranges, and a text form whose order is the addresses' order. */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

export type IpVersion = 4 | 6

export interface Ip {
  readonly version: IpVersion
  readonly value: bigint
}

/** A subnet. `first` and `last` are its lowest and highest address, network and broadcast address included. */
export interface Cidr {
  readonly version: IpVersion
  readonly prefix: number
  readonly first: bigint
  readonly last: bigint
}

const BITS: Readonly<Record<IpVersion, number>> = { 4: 32, 6: 128 }

/** Undefined unless `text` is one address in full (`10.0.0.1`, `fd00::1`). */
export function parseIp(text: string): Ip | undefined {
  const version = isIP(text)
  if (version !== 4 && version !== 6) return undefined
  if (text.includes('%')) return undefined
  const value = ipaddr
    .parse(text)
    .toByteArray()
    .reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return { version, value }
}

export function formatIp({ version, value }: Ip): string {
  const bytes = Array.from({ length: BITS[version] / 8 }, (_, i) =>
    Number((value >> BigInt(BITS[version] - 8 * (i + 1))) & 0xffn),
  )
  return ipaddr.fromByteArray(bytes).toString()
}

/** The address as hexadecimal digits of one length per version: text that sorts as the addresses do. */
export const ipKey = ({ version, value }: Ip): string => value.toString(16).padStart(BITS[version] / 4, '0')

export const ipOfKey = (key: string): Ip => ({ version: key.length === 8 ? 4 : 6, value: BigInt(`0x${key}`) })

/** Undefined unless `text` is `address/prefix`. Bits beyond the prefix are dropped. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text)
  const ip = match?.[1] === undefined ? undefined : parseIp(match[1])
  const prefix = Number(match?.[2])
  if (!ip || prefix > BITS[ip.version]) return undefined
  const hostBits = BigInt(BITS[ip.version] - prefix)
  const first = (ip.value >> hostBits) << hostBits
  return { version: ip.version, prefix, first, last: first + (1n << hostBits) - 1n }
}

export const formatCidr = (cidr: Cidr): string =>
  `${formatIp({ version: cidr.version, value: cidr.first })}/${cidr.prefix}`

export const cidrHas = (cidr: Cidr, ip: Ip): boolean =>
  cidr.version === ip.version && ip.value >= cidr.first && ip.value <= cidr.last

export const cidrsOverlap = (a: Cidr, b: Cidr): boolean =>
  a.version === b.version && a.first <= b.last && b.first <= a.last

/** The addresses of a subnet that a host may have: all but an IPv4 network's first and last, and IPv6's first. */
export function usableRange(cidr: Cidr): { first: bigint; last: bigint } {
  if (BITS[cidr.version] - cidr.prefix <= 1) return { first: cidr.first, last: cidr.last }
  return { first: cidr.first + 1n, last: cidr.version === 4 ? cidr.last - 1n : cidr.last }
}

/** `255.255.255.0` for 24. */
export const netmask = (prefix: number): string =>
  formatIp({ version: 4, value: ((1n << 32n) - 1n) ^ ((1n << BigInt(32 - prefix)) - 1n) })

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/

/** The MAC in lower case with colons; undefined when it is none, or one that no interface may have. */
export function parseMac(text: string): string | undefined {
  const mac = text.toLowerCase().replaceAll('-', ':')
  if (!MAC.test(mac) || mac === '00:00:00:00:00:00') return undefined
  return Number.parseInt(mac.slice(0, 2), 16) % 2 === 1 ? undefined : mac
}

/** The address that stateless autoconfiguration makes of a MAC (modified EUI-64). */
export function eui64(cidr: Cidr, mac: string): Ip {
  const bytes = mac.split(':').map((part) => BigInt(Number.parseInt(part, 16)))
  const [a = 0n, b = 0n, c = 0n, ...rest] = bytes
  const host = [a ^ 2n, b, c, 0xffn, 0xfen, ...rest].reduce((sum, byte) => (sum << 8n) | byte, 0n)
  return { version: 6, value: cidr.first | host }
}

/** The link-local address of a MAC. */
export const linkLocal = (mac: string): string =>
  formatIp(eui64({ version: 6, prefix: 64, first: 0xfe80n << 112n, last: 0n }, mac))
