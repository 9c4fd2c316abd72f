/** Application credentials: a user's own keys for programs, with at most the roles it has itself. */
import { badRequest, conflict, forbidden } from '#lib/fault.ts'
import type { HttpRequest } from '#lib/http/index.ts'
import { isUniqueViolation } from '#db/kit/index.ts'
import { type Static, Type } from '@sinclair/typebox'
import { longText, name, nullable, optional, readBody, text } from '../body.ts'
import { missing, unauthorized } from '../faults.ts'
import { hashSecret } from '../secrets.ts'
import type { ApplicationCredentialRow, RoleRow } from '../tables.ts'
import { isoTime } from '../token-view.ts'
import type { ValidToken } from '../tokens.ts'
import { listOf, param, query, type Routes } from './context.ts'

const Create = Type.Object({
  application_credential: Type.Object({
    name: name(),
    description: optional(nullable(longText())),
    secret: optional(nullable(Type.String({ minLength: 1, maxLength: 4096 }))),
    roles: optional(Type.Array(Type.Object({ id: optional(text()), name: optional(text()) }))),
    expires_at: optional(nullable(Type.String({ maxLength: 64 }))),
    unrestricted: optional(nullable(Type.Boolean())),
    access_rules: optional(nullable(Type.Array(Type.Object({})))),
  }),
})
type Create = Static<typeof Create>['application_credential']

const SECRET_BYTES = 64
const COLLECTION = '/v3/users/:userId/application_credentials'

export function addApplicationCredentialRoutes(routes: Routes): void {
  const { app, store } = routes
  const own = async (request: HttpRequest, action: string) => {
    const caller = await routes.caller(request)
    const userId = param(request, 'userId')
    caller.enforce(`identity:${action}`, { user_id: userId })
    return { userId, caller }
  }
  const get = async (request: HttpRequest, userId: string): Promise<ApplicationCredentialRow> => {
    const rows = store.db
      .selectFrom('keystone_application_credential')
      .selectAll()
      .where('user_id', '=', userId)
    const row = await rows.where('id', '=', param(request, 'id')).executeTakeFirst()
    if (row === undefined) throw missing('application credential', param(request, 'id'))
    return row
  }

  app.get(COLLECTION, async (request) => {
    const { userId } = await own(request, 'list_application_credentials')
    let rows = store.db
      .selectFrom('keystone_application_credential')
      .selectAll()
      .where('user_id', '=', userId)
    const wanted = query(request, 'name')
    if (wanted !== undefined) rows = rows.where('name', '=', wanted)
    const views = await Promise.all((await rows.orderBy('name').execute()).map((row) => view(routes, row)))
    return listOf(routes, request, 'application_credentials', views)
  })
  app.post(COLLECTION, async (request, reply) => {
    const { caller } = await own(request, 'create_application_credential')
    const { application_credential: sent } = readBody(Create, request.body)
    const { row, secret } = await make(routes, caller.token, sent)
    try {
      await store.db.insertInto('keystone_application_credential').values(row).execute()
    } catch (error) {
      if (isUniqueViolation(error))
        throw conflict(
          `Conflict occurred attempting to store application_credential - Duplicate entry found with name ${row.name}.`,
          { cause: error },
        )
      throw error
    }
    return reply.code(201).send({ application_credential: { ...(await view(routes, row)), secret } })
  })
  app.get(`${COLLECTION}/:id`, async (request) => {
    const { userId } = await own(request, 'get_application_credential')
    return { application_credential: await view(routes, await get(request, userId)) }
  })
  app.delete(`${COLLECTION}/:id`, async (request, reply) => {
    const { userId, caller } = await own(request, 'delete_application_credential')
    if (isRestricted(caller.token)) throw restricted()
    const row = await get(request, userId)
    await store.db.deleteFrom('keystone_application_credential').where('id', '=', row.id).execute()
    return reply.code(204).send()
  })
}

const isRestricted = (token: ValidToken): boolean => token.applicationCredential?.unrestricted === 0
const restricted = () =>
  forbidden(
    "Using method 'application_credential' is not allowed for managing additional application credentials.",
  )

/** A new credential for the token's own project, with no more than the token's own roles. */
async function make(
  routes: Routes,
  token: ValidToken,
  sent: Create,
): Promise<{ row: ApplicationCredentialRow; secret: string }> {
  if (isRestricted(token)) throw restricted()
  if (token.project === undefined) throw unauthorized()
  // Accepting rules that nobody then checks would give more than was asked for.
  if ((sent.access_rules ?? []).length > 0)
    throw badRequest('Access rules of application credentials are not supported.')
  const roles = rolesAsked(token, sent)
  const secret = sent.secret ?? routes.ids.secret(SECRET_BYTES)
  return {
    secret,
    row: {
      id: routes.newId(),
      user_id: token.user.id,
      project_id: token.project.id,
      name: sent.name,
      description: sent.description ?? null,
      secret_hash: await hashSecret(secret),
      role_ids: JSON.stringify(roles.map((role) => role.id)),
      expires_at: readExpiry(routes, token, sent.expires_at ?? null),
      unrestricted: Number(sent.unrestricted ?? false),
    },
  }
}

function rolesAsked(token: ValidToken, sent: Create): readonly RoleRow[] {
  if (sent.roles === undefined || sent.roles.length === 0) return token.roles
  return sent.roles.map((asked) => {
    const held = token.roles.find((role) =>
      asked.id === undefined ? role.name === asked.name : role.id === asked.id,
    )
    if (held === undefined)
      throw badRequest(
        `Could not find role assignment with role: ${asked.id ?? asked.name ?? ''}, user or group: ${token.user.id}, project, domain, or system: ${token.project?.id ?? ''}.`,
      )
    return held
  })
}

/** Without an offset a time is UTC, as Keystone has it. A credential made with another one ends with it at the latest. */
function readExpiry({ clock }: Routes, token: ValidToken, sent: string | null): number | null {
  const limit = token.applicationCredential?.expires_at ?? null
  if (sent === null) return limit
  const at = Date.parse(/(Z|[+-]\d\d:?\d\d)$/i.test(sent) ? sent : `${sent}Z`)
  if (Number.isNaN(at)) throw badRequest('Invalid input for field/attribute expires_at.')
  if (at <= clock.now()) throw badRequest('The application credential would have expired before it was made.')
  return limit === null ? at : Math.min(at, limit)
}

async function view({ store, selfUrl }: Routes, row: ApplicationCredentialRow): Promise<object> {
  const roleIds = JSON.parse(row.role_ids) as string[]
  const roles = await Promise.all(roleIds.map((id) => store.findRole(id)))
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    user_id: row.user_id,
    project_id: row.project_id,
    roles: roles.flatMap((role) => (role ? [{ id: role.id, name: role.name, domain_id: null }] : [])),
    expires_at: row.expires_at === null ? null : isoTime(row.expires_at).replace('Z', ''),
    unrestricted: row.unrestricted === 1,
    system: null,
    links: { self: `${selfUrl()}/users/${row.user_id}/application_credentials/${row.id}` },
  }
}
