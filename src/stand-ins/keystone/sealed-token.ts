/**
 * A token's text: what it stands for, sealed with AES-256-GCM under the cloud's key, so that issuing
 * one writes nothing and nobody can make or read one. What may change (roles, whether the user is
 * enabled) is not in it; that is looked up when it is validated.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'

export interface TokenClaims {
  readonly userId: string
  readonly methods: readonly string[]
  /** Milliseconds since the epoch. */
  readonly issuedAt: number
  readonly expiresAt: number
  /** This token's own audit id, then that of the token it came of. */
  readonly auditIds: readonly string[]
  readonly projectId?: string
  readonly domainId?: string
  readonly system?: true
  readonly applicationCredentialId?: string
}

const PREFIX = 'kt1-'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const MAX_LENGTH = 4096

/** `nonce` is 12 random bytes, never used twice with one key. */
export function sealToken(claims: TokenClaims, key: Buffer, nonce: Buffer): string {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(PREFIX))
  const sealed = Buffer.concat([cipher.update(JSON.stringify(claims), 'utf8'), cipher.final()])
  return PREFIX + Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url')
}

/** What the token stands for; undefined when it was not sealed with this key, or was touched. */
export function openToken(token: string, key: Buffer): TokenClaims | undefined {
  if (!token.startsWith(PREFIX) || token.length > MAX_LENGTH) return undefined
  const text = token.slice(PREFIX.length)
  const bytes = Buffer.from(text, 'base64url')
  // Only the one spelling of the bytes counts, so that a token is one text.
  if (bytes.length <= NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== text) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(Buffer.from(PREFIX))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    const opened = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
    return JSON.parse(opened.toString('utf8')) as TokenClaims
  } catch {
    return undefined
  }
}
