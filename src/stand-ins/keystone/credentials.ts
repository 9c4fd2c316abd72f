/** Who somebody is: the authentication methods, each a way from what was sent to a user. */
import { forbidden } from '#lib/fault.ts'
import { type Static, Type } from '@sinclair/typebox'
import { name, optional, text } from './body.ts'
import { unauthorized } from './faults.ts'
import { isSecret } from './secrets.ts'
import type { Store } from './store.ts'
import type { ApplicationCredentialRow, UserRow } from './tables.ts'
import type { Tokens } from './tokens.ts'

export const DomainRef = Type.Object({ id: optional(text()), name: optional(text()) })
const UserRef = { id: optional(text()), name: optional(text()), domain: optional(DomainRef) }
const MAX_PASSWORD = 4096

export const IdentitySchema = Type.Object({
  methods: Type.Array(name(), { minItems: 1, maxItems: 8 }),
  password: optional(
    Type.Object({ user: Type.Object({ ...UserRef, password: Type.String({ maxLength: MAX_PASSWORD }) }) }),
  ),
  token: optional(Type.Object({ id: Type.String({ maxLength: 8192 }) })),
  application_credential: optional(
    Type.Object({
      id: optional(text()),
      name: optional(text()),
      user: optional(Type.Object(UserRef)),
      secret: Type.String({ maxLength: MAX_PASSWORD }),
    }),
  ),
})
type IdentityBody = Static<typeof IdentitySchema>

/** Somebody who has shown who they are. */
export interface Authenticated {
  readonly user: UserRow
  readonly methods: readonly string[]
  /** A token got by a token ends with it. Milliseconds since the epoch. */
  readonly expiresAt?: number
  readonly parentAuditId?: string
  readonly applicationCredential?: ApplicationCredentialRow
}

interface Deps {
  readonly store: Store
  readonly tokens: Tokens
  readonly now: number
}

type Method = (identity: IdentityBody, deps: Deps) => Promise<Authenticated>

const METHODS = new Map<string, Method>([
  ['password', byPassword],
  ['token', byToken],
  ['application_credential', byApplicationCredential],
])

/** Tries every method that was named; all must lead to one user. Throws an `unauthorized` fault that says no more. */
export async function authenticate(identity: IdentityBody, deps: Deps): Promise<Authenticated> {
  let result: Authenticated | undefined
  for (const methodName of new Set(identity.methods)) {
    const method = METHODS.get(methodName)
    if (method === undefined) throw unauthorized()
    const found = await method(identity, deps)
    if (result !== undefined && result.user.id !== found.user.id) throw unauthorized()
    result =
      result === undefined
        ? found
        : { ...result, ...found, methods: [...new Set([...result.methods, ...found.methods])] }
  }
  if (result === undefined) throw unauthorized()
  return result
}

async function byPassword({ password }: IdentityBody, { store }: Deps): Promise<Authenticated> {
  if (password === undefined) throw unauthorized()
  const user = await userOf(store, password.user)
  // The hash is computed for nobody too, so that the time tells nothing.
  const right = await isSecret(password.user.password, user?.password_hash)
  if (!right || user === undefined) throw unauthorized()
  return { user, methods: ['password'] }
}

async function byToken({ token }: IdentityBody, { tokens }: Deps): Promise<Authenticated> {
  const parent = token && (await tokens.validate(token.id))
  if (parent === undefined) throw unauthorized()
  if (parent.applicationCredential !== undefined) {
    throw forbidden(
      'You are not authorized to perform the requested action: rescope a token of an application credential.',
    )
  }
  const { claims, user } = parent
  const parentAuditId = claims.auditIds.at(-1)
  return {
    user,
    methods: [...new Set([...claims.methods, 'token'])],
    expiresAt: claims.expiresAt,
    ...(parentAuditId !== undefined && { parentAuditId }),
  }
}

async function byApplicationCredential(
  { application_credential: sent }: IdentityBody,
  { store, now }: Deps,
): Promise<Authenticated> {
  if (sent === undefined) throw unauthorized()
  const row = await findCredential(store, sent)
  const right = await isSecret(sent.secret, row?.secret_hash)
  const user = row && (await store.findUser(row.user_id))
  if (!right || row === undefined || user === undefined || (row.expires_at !== null && row.expires_at <= now))
    throw unauthorized()
  return {
    user,
    methods: ['application_credential'],
    applicationCredential: row,
    ...(row.expires_at !== null && { expiresAt: row.expires_at }),
  }
}

async function findCredential(
  store: Store,
  sent: NonNullable<IdentityBody['application_credential']>,
): Promise<ApplicationCredentialRow | undefined> {
  const query = store.db.selectFrom('keystone_application_credential').selectAll()
  if (sent.id !== undefined) return query.where('id', '=', sent.id).executeTakeFirst()
  const owner = sent.user && (await userOf(store, sent.user))
  if (owner === undefined || sent.name === undefined) return undefined
  return query.where('user_id', '=', owner.id).where('name', '=', sent.name).executeTakeFirst()
}

async function userOf(
  store: Store,
  sent: { id?: string; name?: string; domain?: Static<typeof DomainRef> },
): Promise<UserRow | undefined> {
  if (sent.id !== undefined) return store.findUser(sent.id)
  const domainId = await domainIdOf(store, sent.domain)
  return sent.name === undefined || domainId === undefined
    ? undefined
    : store.findUserByName(sent.name, domainId)
}

/** The id of the domain that is meant by id or name. */
export async function domainIdOf(
  store: Store,
  sent: Static<typeof DomainRef> | undefined,
): Promise<string | undefined> {
  if (sent?.id !== undefined) return sent.id
  return sent?.name === undefined ? undefined : (await store.findDomainByName(sent.name))?.id
}
