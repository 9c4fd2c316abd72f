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
 * over, the last of ours counts, and none means the first. Throws `notAcceptable` for a version that we do
 * not speak, `badRequest` for what is none.
 */
export function requestedVersion(header: string | string[] | undefined): Version {
  const asked = entryOf(Array.isArray(header) ? header.join(',') : (header ?? ''))
  if (asked === undefined) return versionOf(MIN_VERSION)
  if (asked === 'latest') return versionOf(MAX_VERSION)
  const [, major, minor] = /^([+-]?\d+)\.([+-]?\d+)$/.exec(asked) ?? []
  if (major === undefined || minor === undefined)
    throw new Fault('badRequest', `Invalid microversion: invalid version string: ${asked}`)
  const version = readVersion(`${Number(major)}.${Number(minor)}`)
  if (version !== undefined && version >= versionOf(MIN_VERSION) && version <= versionOf(MAX_VERSION))
    return version
  throw new Fault('notAcceptable', `Invalid microversion: Unacceptable version header: ${asked}`, {
    code: UNACCEPTABLE,
  })
}

function entryOf(header: string): string | undefined {
  const entries = header.split(',').map((entry) => /^(\S+)\s+(\S.*)$/.exec(entry.trim()))
  return entries.findLast((entry) => entry?.[1]?.toLowerCase() === 'placement')?.[2]
}
