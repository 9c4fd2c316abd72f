/** Whose page may open a console's socket: the proxy's own origin, or one the operator named (CVE-2015-0259). */

/** Host and port of an origin, the scheme's own port left off as in a Host header. */
function hostOf(origin: string): { scheme: string; host: string; hostname: string } | undefined {
  if (!URL.canParse(origin)) return undefined
  const { protocol, host, hostname } = new URL(origin)
  return { scheme: protocol.slice(0, -1), host, hostname }
}

/**
 * Whether a page at `origin` may connect. Without an Origin header it is no browser, and no page can have lured
 * anyone. `allowed` holds host names, with or without a port.
 */
export function mayConnect(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined) return true
  const from = hostOf(origin)
  if (!from || (from.scheme !== 'http' && from.scheme !== 'https')) return false
  const own = host === undefined ? undefined : hostOf(`${from.scheme}://${host}`)
  return from.host === own?.host || allowed.includes(from.host) || allowed.includes(from.hostname)
}

/** Whether the page was loaded by the scheme of the console's URL: a console handed out for https is not for http pages. */
export function schemeFits(origin: string | undefined, accessUrl: string): boolean {
  if (origin === undefined) return true
  const page = hostOf(origin)?.scheme
  const wanted = hostOf(accessUrl)?.scheme.replace(/^ws/, 'http')
  return page === wanted
}
