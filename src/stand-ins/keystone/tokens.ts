/** Tokens: issued, validated against what is true now, revoked. */
import type { Clock } from '#lib/clock.ts'
import type { Ids } from '#lib/ids.ts'
import { openToken, sealToken, type TokenClaims } from './sealed-token.ts'
import type { RoleTarget, Store } from './store.ts'
import type { ApplicationCredentialRow, ProjectRow, RoleRow, UserRow } from './tables.ts'

/** A token that holds, with what it stands for as it is now. */
export interface ValidToken {
  readonly claims: TokenClaims
  readonly user: UserRow
  readonly userDomain: ProjectRow
  readonly project: ProjectRow | undefined
  readonly projectDomain: ProjectRow | undefined
  readonly domain: ProjectRow | undefined
  readonly roles: readonly RoleRow[]
  readonly applicationCredential: ApplicationCredentialRow | undefined
}

export interface Tokens {
  /** Seals a token; `undefined` when the claims do not hold (user disabled, no role in the scope). */
  issue(
    claims: Omit<TokenClaims, 'issuedAt' | 'auditIds'>,
    parentAuditId?: string,
  ): Promise<{ text: string; token: ValidToken } | undefined>
  /** The token, if it holds. With `allowExpiredForMs`, also when it ended less than so long ago. */
  validate(text: string, allowExpiredForMs?: number): Promise<ValidToken | undefined>
  revoke(claims: TokenClaims): Promise<void>
}

export interface TokensOptions {
  readonly store: Store
  readonly ids: Ids
  readonly clock: Clock
}

const KEY_NAME = 'token'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const AUDIT_BYTES = 16

export function createTokens({ store, ids, clock }: TokensOptions): Tokens {
  let known: Promise<Buffer> | undefined
  const key = (): Promise<Buffer> =>
    (known ??= readKey(store, ids).catch((error: unknown) => {
      known = undefined
      throw error
    }))

  return {
    async issue(wanted, parentAuditId) {
      const auditId = ids.secret(AUDIT_BYTES)
      const claims: TokenClaims = {
        ...wanted,
        issuedAt: clock.now(),
        auditIds: parentAuditId === undefined ? [auditId] : [auditId, parentAuditId],
      }
      const token = await standing(store, claims)
      if (token === undefined) return undefined
      return {
        text: sealToken(claims, await key(), Buffer.from(ids.secret(NONCE_BYTES), 'base64url')),
        token,
      }
    },
    async validate(text, allowExpiredForMs = 0) {
      const claims = openToken(text, await key())
      if (claims === undefined || claims.expiresAt + allowExpiredForMs <= clock.now()) return undefined
      if (await isRevoked(store, claims)) return undefined
      return standing(store, claims)
    },
    async revoke(claims) {
      const { auditIds, expiresAt } = claims
      await store.db
        .deleteFrom('keystone_revocation')
        .where('expires_at', '<', clock.now() - REMEMBER_REVOKED_MS)
        .execute()
      await store.db
        .insertInto('keystone_revocation')
        .values({ audit_id: auditIds[0] ?? '', expires_at: expiresAt })
        .onConflict((conflict) => conflict.column('audit_id').doNothing())
        .execute()
    },
  }
}

/** Revocations are kept while a service might still ask for an expired token to be allowed. */
const REMEMBER_REVOKED_MS = 7 * 24 * 3_600_000

/** The cloud's key, made by whoever comes first. */
async function readKey(store: Store, ids: Ids): Promise<Buffer> {
  const kept = () =>
    store.db.selectFrom('keystone_key').select('value').where('name', '=', KEY_NAME).executeTakeFirst()
  let row = await kept()
  if (row === undefined) {
    await store.db
      .insertInto('keystone_key')
      .values({ name: KEY_NAME, value: ids.secret(KEY_BYTES) })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute()
    row = await kept()
  }
  if (row === undefined) throw new Error('the key that seals tokens could not be kept')
  return Buffer.from(row.value, 'base64url')
}

async function isRevoked(store: Store, claims: TokenClaims): Promise<boolean> {
  const row = await store.db
    .selectFrom('keystone_revocation')
    .select('audit_id')
    .where('audit_id', '=', claims.auditIds[0] ?? '')
    .executeTakeFirst()
  return row !== undefined
}

/** What the claims stand for now; undefined when any of it is gone, disabled or no longer granted. */
async function standing(store: Store, claims: TokenClaims): Promise<ValidToken | undefined> {
  const user = await store.findUser(claims.userId)
  if (user?.enabled !== 1 || claims.issuedAt < user.tokens_valid_from) return undefined
  const userDomain = await store.findDomain(user.domain_id)
  if (userDomain?.enabled !== 1) return undefined

  const unscoped = {
    claims,
    user,
    userDomain,
    project: undefined,
    projectDomain: undefined,
    domain: undefined,
    applicationCredential: undefined,
  }
  if (claims.projectId !== undefined) return inProject(store, claims.projectId, unscoped)
  if (claims.domainId !== undefined) {
    const domain = await store.findDomain(claims.domainId)
    if (domain?.enabled !== 1) return undefined
    return withRoles(store, { ...unscoped, domain }, { type: 'domain', id: domain.id })
  }
  if (claims.system) return withRoles(store, unscoped, { type: 'system', id: 'all' })
  return { ...unscoped, roles: [] }
}

type Unroled = Omit<ValidToken, 'roles'>

async function withRoles(store: Store, token: Unroled, target: RoleTarget): Promise<ValidToken | undefined> {
  const roles = await store.rolesOf(token.user.id, target)
  return roles.length === 0 ? undefined : { ...token, roles }
}

async function inProject(
  store: Store,
  projectId: string,
  unscoped: Unroled,
): Promise<ValidToken | undefined> {
  const project = await store.findProject(projectId)
  if (project?.enabled !== 1) return undefined
  const projectDomain = await store.findDomain(project.domain_id)
  if (projectDomain?.enabled !== 1) return undefined
  const token = await withRoles(
    store,
    { ...unscoped, project, projectDomain },
    { type: 'project', id: project.id },
  )
  if (token === undefined || token.claims.applicationCredentialId === undefined) return token
  return restrictedTo(store, token.claims.applicationCredentialId, token)
}

/** An application credential gives its own roles, as far as its user still has them. */
async function restrictedTo(
  store: Store,
  credentialId: string,
  token: ValidToken,
): Promise<ValidToken | undefined> {
  const applicationCredential = await store.db
    .selectFrom('keystone_application_credential')
    .selectAll()
    .where('id', '=', credentialId)
    .where('user_id', '=', token.user.id)
    .executeTakeFirst()
  if (applicationCredential === undefined || applicationCredential.project_id !== token.project?.id)
    return undefined
  const granted = await store.withImplied(JSON.parse(applicationCredential.role_ids) as string[])
  const roles = token.roles.filter((role) => granted.some(({ id }) => id === role.id))
  return roles.length === 0 ? undefined : { ...token, applicationCredential, roles }
}
