/** Key pairs: a user's public keys and certificates. */

export type KeypairType = 'ssh' | 'x509'

export interface KeyPair {
  readonly id: number
  readonly userId: string
  readonly name: string
  readonly type: KeypairType
  readonly fingerprint: string
  readonly publicKey: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}
