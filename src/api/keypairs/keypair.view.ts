/** How a key pair looks in answers. */
import { shownSince, view } from '#lib/versioned/index.ts'
import { isoMicroseconds } from '#lib/iso-time.ts'
import type { KeyPair } from '#model/keypair/index.ts'

/** In a list. */
export const keypairInList = view<KeyPair>({
  name: (keypair) => keypair.name,
  public_key: (keypair) => keypair.publicKey,
  fingerprint: (keypair) => keypair.fingerprint,
  type: shownSince('2.2', (keypair) => keypair.type),
})

/** Just made; the private half, which is shown this once, when it was made here. */
export const keypairCreated = view<KeyPair, { privateKey: string | undefined }>({
  name: (keypair) => keypair.name,
  public_key: (keypair) => keypair.publicKey,
  fingerprint: (keypair) => keypair.fingerprint,
  user_id: (keypair) => keypair.userId,
  type: shownSince('2.2', (keypair) => keypair.type),
  private_key: (_keypair, { privateKey }) => privateKey,
})

/** On its own. */
export const keypairShown = view<KeyPair>({
  name: (keypair) => keypair.name,
  public_key: (keypair) => keypair.publicKey,
  fingerprint: (keypair) => keypair.fingerprint,
  user_id: (keypair) => keypair.userId,
  type: shownSince('2.2', (keypair) => keypair.type),
  id: (keypair) => keypair.id,
  created_at: (keypair) => isoMicroseconds(keypair.createdAt),
  updated_at: () => null,
  deleted: () => false,
  deleted_at: () => null,
})
