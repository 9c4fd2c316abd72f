/** `GET /v3/role_assignments`: who holds which role where, as granted or as it works out (`effective`). */
import type { HttpRequest } from '#lib/http/index.ts'
import type { AssignmentRow, RoleRow } from '../tables.ts'
import { flag, listOf, query, type Routes } from './context.ts'

interface Assignment extends AssignmentRow {
  /** The group a user's effective role comes from. */
  readonly via?: string
}

export function addAssignmentRoutes(routes: Routes): void {
  routes.app.get('/v3/role_assignments', async (request) => {
    const caller = await routes.caller(request)
    const domainId = caller.context.domainId
    // A domain's reader sees what is granted in its domain.
    const within = caller.allows('identity:list_role_assignments') ? undefined : (domainId ?? undefined)
    caller.enforce('identity:list_role_assignments', within === undefined ? {} : { domain_id: within })
    const names = await readNames(routes)
    const granted = (await routes.store.db.selectFrom('keystone_assignment').selectAll().execute()).filter(
      (row) =>
        within === undefined || names.get(row.target_id)?.domainId === within || row.target_id === within,
    )
    const all = flag(request, 'effective') ? await effective(routes, granted) : granted
    const asked = all.filter((row) => isAsked(request, row))
    const views = asked.map((row) => view(routes, row, names, flag(request, 'include_names')))
    return listOf(routes, request, 'role_assignments', views)
  })
}

/** Groups replaced by their members, implied roles written out. */
async function effective({ store }: Routes, granted: readonly AssignmentRow[]): Promise<Assignment[]> {
  const members = await store.db.selectFrom('keystone_membership').selectAll().execute()
  const ofUsers = granted.flatMap((row): Assignment[] => {
    if (row.actor_type === 'user') return [row]
    return members
      .filter((member) => member.group_id === row.actor_id)
      .map((member) => ({ ...row, actor_type: 'user', actor_id: member.user_id, via: row.actor_id }))
  })
  const implied = new Map<string, RoleRow[]>()
  for (const { role_id } of granted)
    if (!implied.has(role_id)) implied.set(role_id, await store.withImplied([role_id]))
  const all = ofUsers.flatMap((row) =>
    (implied.get(row.role_id) ?? []).map((role) => ({ ...row, role_id: role.id })),
  )
  const keyOf = (row: Assignment) =>
    `${row.actor_id} ${row.target_type} ${row.target_id} ${row.role_id} ${row.via ?? ''}`
  return [...new Map(all.map((row) => [keyOf(row), row])).values()]
}

const FILTERS: Readonly<Record<string, (row: Assignment, wanted: string) => boolean>> = {
  'user.id': (row, wanted) => row.actor_type === 'user' && row.actor_id === wanted,
  'group.id': (row, wanted) => row.actor_type === 'group' && row.actor_id === wanted,
  'role.id': (row, wanted) => row.role_id === wanted,
  'scope.project.id': (row, wanted) => row.target_type === 'project' && row.target_id === wanted,
  'scope.domain.id': (row, wanted) => row.target_type === 'domain' && row.target_id === wanted,
  'scope.system': (row) => row.target_type === 'system',
}

const isAsked = (request: HttpRequest, row: Assignment): boolean =>
  Object.entries(FILTERS).every(([name, matches]) => {
    const wanted = query(request, name)
    return wanted === undefined || matches(row, wanted)
  })

interface Named {
  readonly name: string
  readonly domainId: string | null
}

async function readNames({ store }: Routes): Promise<ReadonlyMap<string, Named>> {
  const owned = await Promise.all(
    (['keystone_project', 'keystone_user', 'keystone_group'] as const).map((table) =>
      store.db.selectFrom(table).select(['id', 'name', 'domain_id']).execute(),
    ),
  )
  const roles = await store.db.selectFrom('keystone_role').select(['id', 'name']).execute()
  return new Map<string, Named>([
    ...owned.flat().map((row) => [row.id, { name: row.name, domainId: row.domain_id }] as const),
    ...roles.map((row) => [row.id, { name: row.name, domainId: null }] as const),
  ])
}

function view(
  routes: Routes,
  row: Assignment,
  names: ReadonlyMap<string, Named>,
  withNames: boolean,
): object {
  const reference = (id: string, hasDomain: boolean): object => {
    const found = names.get(id)
    if (!withNames || found === undefined) return { id }
    const domainId = found.domainId ?? ''
    return {
      id,
      name: found.name,
      ...(hasDomain && { domain: { id: domainId, name: names.get(domainId)?.name ?? null } }),
    }
  }
  const isSystem = row.target_type === 'system'
  const place = isSystem ? 'system' : `${row.target_type}s/${row.target_id}`
  const actor = row.via === undefined ? `${row.actor_type}s/${row.actor_id}` : `groups/${row.via}`
  return {
    role: reference(row.role_id, false),
    [row.actor_type]: reference(row.actor_id, true),
    scope: isSystem
      ? { system: { all: true } }
      : { [row.target_type]: reference(row.target_id, row.target_type === 'project') },
    links: { assignment: `${routes.selfUrl()}/${place}/${actor}/roles/${row.role_id}` },
  }
}
