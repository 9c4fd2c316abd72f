/** Validation of callers' tokens, remembered for a while: a token seen lately costs no request. */
import type { Clock } from '#lib/clock.ts'
import { Fault } from '#lib/fault.ts'
import { type HttpAnswer, type HttpClient, HttpFailure } from '#lib/http/index.ts'
import { hash } from 'node:crypto'
import type { Identity, ServiceSession, TokenInfo } from './port.ts'
import { identityRoot, tokenInfoOf } from './token-body.ts'

export interface IdentityOptions {
  readonly http: HttpClient
  /** Keystone's URL, with or without `/v3`. */
  readonly authUrl: string
  /** Whose right to validate is used. */
  readonly session: ServiceSession
  /** How long a validation is believed; 0 remembers nothing. */
  readonly cacheMs: number
  readonly clock: Clock
  /** Tokens remembered at once; the ones unused for longest go first. */
  readonly cacheSize?: number
}

interface Remembered {
  readonly info: TokenInfo
  readonly until: number
}

/** What may stand in an HTTP header, and no longer than any server would take. */
const TOKEN = /^[\x21-\x7e]{1,8192}$/
const TIMEOUT_MS = 30_000
/** Keystone vouches for tokens that are bound to access rules only where those are heeded. */
const HEEDS_RULES = { 'openstack-identity-access-rules': '1.0' }
const DEFAULT_CACHE_SIZE = 10_000

/** An `Identity` that asks Keystone. `validate` throws an `unavailable` fault when Keystone cannot be asked. */
export function createIdentity(options: IdentityOptions): Identity {
  // Insertion order is the order of use: a hit is taken out and put back at the end.
  const remembered = new Map<string, Remembered>()
  const asking = new Map<string, Promise<TokenInfo | undefined>>()
  const cacheSize = options.cacheSize ?? DEFAULT_CACHE_SIZE

  const recall = (key: string): TokenInfo | undefined => {
    const entry = remembered.get(key)
    if (entry === undefined) return undefined
    remembered.delete(key)
    if (entry.until <= options.clock.now()) return undefined
    remembered.set(key, entry)
    return entry.info
  }
  const remember = (key: string, info: TokenInfo): void => {
    const until = Math.min(options.clock.now() + options.cacheMs, info.expiresAt)
    remembered.set(key, { info, until })
    if (remembered.size <= cacheSize) return
    const oldest = remembered.keys().next()
    if (oldest.done !== true) remembered.delete(oldest.value)
  }
  const ask = async (key: string, token: string, late: boolean): Promise<TokenInfo | undefined> => {
    const info = await askKeystone(options, token, late)
    if (info === undefined) return undefined
    const isOver = info.expiresAt <= options.clock.now()
    // How much longer a token that is over is vouched for only Keystone knows: it is asked each time.
    if (isOver) return late ? info : undefined
    remember(key, info)
    return info
  }

  return {
    async validate(token, { allowExpired = false } = {}) {
      if (!TOKEN.test(token)) return undefined
      // By hash, so that a dump of this process' memory holds no usable token.
      const key = hash('sha256', token, 'base64')
      const known = recall(key)
      if (known !== undefined) return known
      const question = `${key} ${allowExpired}`
      let answer = asking.get(question)
      if (answer === undefined) {
        answer = ask(key, token, allowExpired).finally(() => asking.delete(question))
        asking.set(question, answer)
      }
      return answer
    },
  }
}

async function askKeystone(
  options: IdentityOptions,
  token: string,
  late: boolean,
): Promise<TokenInfo | undefined> {
  const first = await validationOf(options, token, late)
  if (first.status !== 401) return readAnswer(first)
  // Our own token was refused (revoked, or Keystone's keys changed): once more with a new one.
  options.session.invalidate()
  return readAnswer(await validationOf(options, token, late))
}

function readAnswer(answer: HttpAnswer): TokenInfo | undefined {
  if (answer.status === 200) return tokenInfoOf(answer.json)
  if (answer.status === 404) return undefined
  throw new Fault('unavailable', `The identity service could not validate a token (status ${answer.status}).`)
}

async function validationOf(options: IdentityOptions, token: string, late: boolean): Promise<HttpAnswer> {
  const url = `${identityRoot(options.authUrl)}/auth/tokens?nocatalog${late ? '&allow_expired=1' : ''}`
  const headers = { ...(await options.session.headers()), 'x-subject-token': token, ...HEEDS_RULES }
  try {
    return await options.http.send({ method: 'GET', url, headers, timeoutMs: TIMEOUT_MS })
  } catch (error) {
    if (error instanceof HttpFailure)
      throw new Fault('unavailable', 'The identity service could not be reached.', { cause: error })
    throw error
  }
}
