/** Passwords and secrets: kept as scrypt hashes, compared in constant time. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** scrypt's cost: about 10 ms and 4 MiB a try. */
const COST = 4096
const KEY_BYTES = 32
const SALT_BYTES = 16

const derive = (secret: string, salt: Buffer, cost: number): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    scrypt(secret.normalize('NFKC'), salt, KEY_BYTES, { N: cost }, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  )

/** `scrypt$cost$salt$key`, base64. */
export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(secret, salt, COST)
  return `scrypt$${COST}$${salt.toString('base64')}$${key.toString('base64')}`
}

/** A hash that no secret has: comparing with it takes as long as with a real one. */
const NOBODY = `scrypt$${COST}$${Buffer.alloc(SALT_BYTES).toString('base64')}$${Buffer.alloc(KEY_BYTES).toString('base64')}`

/** Whether the secret has the hash; without a hash false, after the same time. */
export async function isSecret(secret: string, hash: string | null | undefined): Promise<boolean> {
  const [, cost = '', salt = '', expected = ''] = (hash ?? NOBODY).split('$')
  const key = await derive(secret, Buffer.from(salt, 'base64'), Number(cost))
  const wanted = Buffer.from(expected, 'base64')
  return key.length === wanted.length && timingSafeEqual(key, wanted) && hash != null
}
