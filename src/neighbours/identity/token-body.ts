/** A token's body as Keystone writes it (`{"token": {...}}`), read with care: a neighbour is not trusted to be well. */
import { Fault } from '#lib/fault.ts'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { TokenInfo } from './port.ts'

const Named = Type.Object({ id: Type.String(), name: Type.Optional(Type.String()) })
const Owned = Type.Object({
  id: Type.String(),
  name: Type.Optional(Type.String()),
  domain: Type.Optional(Type.Object({ id: Type.Union([Type.String(), Type.Null()]) })),
})

const TokenBody = Type.Object({
  token: Type.Object({
    expires_at: Type.String(),
    user: Owned,
    project: Type.Optional(Owned),
    domain: Type.Optional(Named),
    system: Type.Optional(Type.Object({ all: Type.Optional(Type.Boolean()) })),
    roles: Type.Optional(Type.Array(Type.Object({ name: Type.String() }))),
    application_credential: Type.Optional(
      Type.Object({
        access_rules: Type.Optional(
          Type.Array(Type.Object({ service: Type.String(), method: Type.String(), path: Type.String() })),
        ),
      }),
    ),
    catalog: Type.Optional(
      Type.Array(
        Type.Object({
          type: Type.String(),
          endpoints: Type.Array(
            Type.Object({
              interface: Type.String(),
              url: Type.String(),
              region_id: Type.Optional(Type.Union([Type.String(), Type.Null()])),
            }),
          ),
        }),
      ),
    ),
  }),
})
type TokenBody = Static<typeof TokenBody>

export type CatalogEntry = NonNullable<TokenBody['token']['catalog']>[number]

/** The body of a token. Throws an `unavailable` fault when what Keystone said cannot be read. */
export function readTokenBody(json: unknown): TokenBody['token'] & { readonly expiresAt: number } {
  if (!Value.Check(TokenBody, json))
    throw new Fault('unavailable', 'The identity service gave an answer that cannot be read.')
  const expiresAt = Date.parse(json.token.expires_at)
  if (Number.isNaN(expiresAt))
    throw new Fault('unavailable', 'The identity service gave a token without a readable end.')
  return { ...json.token, expiresAt }
}

/** What the body says of its bearer. */
export function tokenInfoOf(json: unknown): TokenInfo {
  const token = readTokenBody(json)
  const accessRules = token.application_credential?.access_rules
  return {
    userId: token.user.id,
    userName: token.user.name ?? null,
    userDomainId: token.user.domain?.id ?? null,
    projectId: token.project?.id ?? null,
    projectName: token.project?.name ?? null,
    projectDomainId: token.project?.domain?.id ?? null,
    domainId: token.domain?.id ?? null,
    systemScope: token.system?.all === true ? 'all' : null,
    roles: (token.roles ?? []).map((role) => role.name),
    expiresAt: token.expiresAt,
    ...(accessRules && { accessRules }),
  }
}

/** The v3 root of an identity URL, given with or without `/v3` and a trailing slash. */
export function identityRoot(authUrl: string): string {
  const bare = authUrl.replace(/\/+$/, '')
  return bare.endsWith('/v3') ? bare : `${bare}/v3`
}
