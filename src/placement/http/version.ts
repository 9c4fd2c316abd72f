/** The microversion of a request: from its header, within what we speak. */
import { Fault } from '#lib/fault.ts'
import { readVersion, type Version, versionOf } from '#lib/versioned/index.ts'

export const MIN_VERSION = '1.0'
export const MAX_VERSION = '1.39'

/** From here on answers say when they were last modified, and that they are not to be cached. */
export const SAYS_FRESHNESS = versionOf('1.15')
/** From here on errors carry a code. */
export const SAYS_ERROR_CODE = versionOf('1.23')

/** Set on a fault that came of the version itself: its body then names the bounds. */
export const UNACCEPTABLE = 'placement.version'

/**
 * The version asked for by `OpenStack-API-Version: placement 1.10`; other services' entries are passed
 * over, and none means the first. Throws `notAcceptable` outside the bounds, `badRequest` for nonsense.
 */
export function requestedVersion(header: string | string[] | undefined): Version {
  const text = (Array.isArray(header) ? header.join(',') : (header ?? '')).trim()
  const entry = text
    .split(',')
    .map((each) => each.trim().split(/\s+/))
    .findLast(([service]) => service?.toLowerCase() === 'placement')
  const asked = entry?.[1]
  if (entry === undefined) return versionOf(MIN_VERSION)
  if (asked === 'latest') return versionOf(MAX_VERSION)
  const version = asked === undefined ? undefined : readVersion(asked)
  if (version === undefined)
    throw new Fault('badRequest', `Invalid microversion: invalid version string: ${asked ?? ''}`)
  if (version < versionOf(MIN_VERSION) || version > versionOf(MAX_VERSION))
    throw new Fault('notAcceptable', `Invalid microversion: Unacceptable version header: ${asked}`, {
      code: UNACCEPTABLE,
    })
  return version
}
