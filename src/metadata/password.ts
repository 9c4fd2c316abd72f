/** The guest's password, which the guest itself encrypts with its key pair and tells once. */
import { modifyInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, conflict } from '#lib/fault.ts'
import type { Instance } from '#model/instance/index.ts'
import type { MetadataDeps } from './metadata.ts'

const MAX_BYTES = 1020
/** Where Nova keeps it: in pieces, for its column is no wider. */
const PIECE_LENGTH = 255
const PIECES = [0, 1, 2, 3].map((index) => `password_${index}`)

export const readPassword = ({ systemMetadata }: Instance): string =>
  PIECES.map((piece) => systemMetadata[piece] ?? '').join('')

/** Throws 409 when there is one, 400 when it is too long. */
export async function storePassword(deps: MetadataDeps, { uuid }: Instance, body: unknown): Promise<void> {
  const password = Buffer.isBuffer(body) ? body.toString('latin1') : ''
  if (password.length > MAX_BYTES) throw badRequest('Request is too large.')
  const pieces = PIECES.map((piece, index) => [
    piece,
    password.slice(index * PIECE_LENGTH, (index + 1) * PIECE_LENGTH),
  ])
  await modifyInstance(deps.db.typed<NovaDb>(), uuid, { now: deps.clock.now() }, (instance) => {
    if (readPassword(instance) !== '') throw conflict('Password already set.')
    return {
      systemMetadata: {
        ...instance.systemMetadata,
        ...(Object.fromEntries(pieces) as Record<string, string>),
      },
    }
  })
}
