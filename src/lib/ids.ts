/** Identifiers as an argument: `Ids` is passed in, so that a test or a simulation can seed it. */
import { randomBytes, randomUUID } from 'node:crypto'

export interface Ids {
  /** A UUID in its canonical, lower-case form with dashes. */
  uuid(): string
  /** A request id as OpenStack writes it: `req-<uuid>`. */
  requestId(): string
  /** A secret of `bytes` random bytes, base64url. Never logged. */
  secret(bytes: number): string
}

export const randomIds: Ids = {
  uuid: () => randomUUID(),
  requestId: () => `req-${randomUUID()}`,
  secret: (bytes) => randomBytes(bytes).toString('base64url'),
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export const isUuid = (text: string): boolean => UUID.test(text)

/** oslo.utils' `is_uuid_like`: braces, dashes, `urn:uuid:` and letter case do not matter. */
export function isUuidLike(text: string): boolean {
  const bare = text
    .replace('urn:', '')
    .replace('uuid:', '')
    .replace(/^[{}]+|[{}]+$/g, '')
    .replaceAll('-', '')
    .toLowerCase()
  return /^[0-9a-f]{32}$/.test(bare)
}
