/**
 * Nova's `transport_url`: `rabbit://user:password@host:5672,user:password@host2:5672/vhost?ssl=1`.
 * Everything is percent-decoded; no error ever shows a password.
 */

export interface BrokerHost {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
}

export type Transport =
  | { readonly kind: 'in-process' }
  | {
      readonly kind: 'rabbitmq'
      /** At least one. */
      readonly hosts: readonly BrokerHost[]
      readonly vhost: string
      readonly tls: boolean
      /** What the URL's query sets, by the names of `[oslo_messaging_rabbit]`; it wins over that group. */
      readonly query: Readonly<Record<string, string>>
    }

export class TransportUrlError extends Error {
  override readonly name = 'TransportUrlError'
}

const PORT = 5672
const TLS_PORT = 5671
const DEFAULT_USER = { username: 'guest', password: 'guest' }
const TRUE = new Set(['1', 't', 'true', 'on', 'y', 'yes'])
/** Names of the transports, and whether they speak TLS whatever else is said. */
const RABBIT_SCHEMES: Readonly<Record<string, boolean>> = {
  rabbit: false,
  'kombu+rabbit': false,
  'rabbit+ssl': true,
  rabbits: true,
}

/** Reads the URL; `tls` is what the configuration says where the URL says nothing. Throws `TransportUrlError`. */
export function parseTransportUrl(url: string, tls = false): Transport {
  const [, scheme, authority = '', path = '', search = ''] =
    /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(\/[^?#]*)?(\?[^#]*)?$/i.exec(url.trim()) ?? []
  if (scheme === undefined)
    throw new TransportUrlError('transport_url is not of the form rabbit://user:password@host:port/vhost')
  if (scheme.toLowerCase() === 'in-process') return { kind: 'in-process' }
  const always = RABBIT_SCHEMES[scheme.toLowerCase()]
  if (always === undefined) {
    throw new TransportUrlError(
      `transport_url: there is no transport ${scheme}; there are rabbit, rabbit+ssl and in-process`,
    )
  }
  const query = Object.fromEntries(new URLSearchParams(search))
  const secure = always || (query['ssl'] === undefined ? tls : TRUE.has(query['ssl'].toLowerCase()))
  return {
    kind: 'rabbitmq',
    hosts: hostsOf(authority, secure ? TLS_PORT : PORT),
    vhost: path.length > 1 ? decoded(path.slice(1)) : '/',
    tls: secure,
    query,
  }
}

function hostsOf(authority: string, defaultPort: number): readonly BrokerHost[] {
  const parts = authority.split(',').filter((part) => part !== '')
  const named = parts.filter((part) => part.includes('@')).length
  if (named !== 0 && named !== parts.length) {
    throw new TransportUrlError('transport_url: either all hosts have a user and a password, or none has')
  }
  return (parts.length === 0 ? [''] : parts).map((part) => hostOf(part, defaultPort))
}

/** `user:password@host:port`, of which every part may be missing; an IPv6 address stands in brackets. */
function hostOf(text: string, defaultPort: number): BrokerHost {
  const at = text.lastIndexOf('@')
  const place = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*))(?::(\d*))?$/i.exec(text.slice(at + 1))
  const port = place?.[3] ? Number(place[3]) : defaultPort
  if (!place || port < 1 || port > 65_535) {
    // Not shown: it may be part of a password that was not percent-encoded.
    throw new TransportUrlError('transport_url: a host is not written as host:port')
  }
  const host = decoded(place[1] ?? place[2] ?? '') || 'localhost'
  return { host, port, ...(at < 0 ? DEFAULT_USER : userOf(text.slice(0, at))) }
}

function userOf(text: string): { username: string; password: string } {
  const colon = text.indexOf(':')
  return colon < 0
    ? { username: decoded(text), password: '' }
    : { username: decoded(text.slice(0, colon)), password: decoded(text.slice(colon + 1)) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new TransportUrlError('transport_url: a % is not followed by two hexadecimal digits of UTF-8')
  }
}
