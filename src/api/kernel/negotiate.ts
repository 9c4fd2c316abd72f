/** Which microversion a request is for, from either of the two headers. */
import { Fault } from '#lib/fault.ts'
import { formatVersion, readVersion, type Version, versionOf } from '#lib/versioned/index.ts'

export const MIN_VERSION = versionOf('2.1')
export const MAX_VERSION = versionOf('2.104')
/** What the old `/v2` speaks: schemas of before 2.1, routes of 2.1. */
export const LEGACY_VERSION = versionOf('2.0')

export const VERSION_HEADER = 'OpenStack-API-Version'
export const LEGACY_VERSION_HEADER = 'X-OpenStack-Nova-API-Version'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** The version that the headers ask for, as text; undefined when they ask for none. */
function askedFor(headers: Headers): string | undefined {
  const sent = headers[VERSION_HEADER.toLowerCase()]
  const services = (Array.isArray(sent) ? sent.join(',') : (sent ?? '')).split(',')
  for (const service of services) {
    const [type = '', version] = service.trim().split(/\s+/)
    if (type.toLowerCase() === 'compute' && version !== undefined) return version
  }
  const legacy = headers[LEGACY_VERSION_HEADER.toLowerCase()]
  return Array.isArray(legacy) ? legacy[0] : legacy
}

/** The version that is asked for; 2.1 when none is. A malformed one is a 400. */
export function askedVersion(headers: Headers): Version {
  const asked = askedFor(headers)
  if (asked === undefined) return MIN_VERSION
  if (asked === 'latest') return MAX_VERSION
  const version = readVersion(asked)
  if (version === undefined) {
    const expected = 'Must be of format MajorNum.MinorNum.'
    throw new Fault('badRequest', `API Version String ${asked} is of invalid format. ${expected}`)
  }
  return version
}

/** Refuses (406) a version that is not spoken. */
export function requireSpoken(version: Version): void {
  if (version >= MIN_VERSION && version <= MAX_VERSION) return
  const spoken = `Minimum is ${formatVersion(MIN_VERSION)} and maximum is ${formatVersion(MAX_VERSION)}.`
  throw new Fault('notAcceptable', `Version ${formatVersion(version)} is not supported by the API. ${spoken}`)
}
