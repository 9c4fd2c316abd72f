/** Quota limits that admins set: per project, per user in a project, and per class. */
import { type Kysely, sql, type Transaction } from 'kysely'
import { lockName } from '#db/kit/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

/** Who counts against a limit of the same owner waits for the one who does already, and sees what that one made. */
export const lockQuota = (trx: Transaction<NovaDb>, ownerId: string): Promise<void> =>
  lockName(trx, `quota of ${ownerId}`)

/** Limits by Nova's resource names; -1 is unlimited. What is not there is at its default. */
export type QuotaLimits = Readonly<Record<string, number>>

const limitsOf = (rows: readonly { resource: string; hard_limit: number }[]): QuotaLimits =>
  Object.fromEntries(rows.map(({ resource, hard_limit }) => [resource, hard_limit]))

/** The limits set for a project. */
export async function findProjectQuotas(db: Db, projectId: string): Promise<QuotaLimits> {
  return limitsOf(await db.selectFrom('quotas').selectAll().where('project_id', '=', projectId).execute())
}

/** The limits set for one user in a project. */
export async function findUserQuotas(db: Db, projectId: string, userId: string): Promise<QuotaLimits> {
  const query = db.selectFrom('project_user_quotas').selectAll().where('project_id', '=', projectId)
  return limitsOf(await query.where('user_id', '=', userId).execute())
}

/** What was set for a class, for a project, and for one user in it, where one is named: in one statement. */
export async function findQuotas(
  db: Db,
  of: { readonly className: string; readonly projectId: string; readonly userId: string | undefined },
): Promise<Readonly<Record<'ofClass' | 'ofProject' | 'ofUser', QuotaLimits>>> {
  const { rows } = await sql<{ owner: 'class' | 'project' | 'user'; resource: string; hard_limit: number }>`
    select 'class' as owner, resource, hard_limit from quota_classes where class_name = ${of.className}
    union all select 'project', resource, hard_limit from quotas where project_id = ${of.projectId}
    union all select 'user', resource, hard_limit from project_user_quotas
      where project_id = ${of.projectId} and user_id = ${of.userId ?? null}`.execute(db)
  const set = (owner: string) => limitsOf(rows.filter((row) => row.owner === owner))
  return { ofClass: set('class'), ofProject: set('project'), ofUser: set('user') }
}

/** What was set for users of a project, together; an unlimited one counts nothing. */
export async function sumUserQuotas(db: Db, projectId: string): Promise<QuotaLimits> {
  const query = db
    .selectFrom('project_user_quotas')
    .select(['resource', (eb) => eb.fn.sum<number | string>('hard_limit').as('total')])
    .where('project_id', '=', projectId)
    .where('hard_limit', '>', 0)
  const rows = await query.groupBy('resource').execute()
  return Object.fromEntries(rows.map(({ resource, total }) => [resource, Number(total)]))
}

/** The limits of a class: `default` overrides the configured defaults. */
export async function findClassQuotas(db: Db, className: string): Promise<QuotaLimits> {
  return limitsOf(
    await db.selectFrom('quota_classes').selectAll().where('class_name', '=', className).execute(),
  )
}

const overwrite = { hard_limit: sql.ref<number>('excluded.hard_limit') }

/** Sets these limits of a project, leaving the others. */
export async function setProjectQuotas(db: Db, projectId: string, limits: QuotaLimits): Promise<void> {
  const rows = Object.entries(limits).map(([resource, hard_limit]) => ({
    project_id: projectId,
    resource,
    hard_limit,
  }))
  if (rows.length === 0) return
  await db
    .insertInto('quotas')
    .values(rows)
    .onConflict((oc) => oc.columns(['project_id', 'resource']).doUpdateSet(overwrite))
    .execute()
}

/** Sets these limits of a user in a project, leaving the others. */
export async function setUserQuotas(
  db: Db,
  projectId: string,
  userId: string,
  limits: QuotaLimits,
): Promise<void> {
  const of = { project_id: projectId, user_id: userId }
  const rows = Object.entries(limits).map(([resource, hard_limit]) => ({ ...of, resource, hard_limit }))
  if (rows.length === 0) return
  await db
    .insertInto('project_user_quotas')
    .values(rows)
    .onConflict((oc) => oc.columns(['project_id', 'user_id', 'resource']).doUpdateSet(overwrite))
    .execute()
}

/** Sets these limits of a class, leaving the others. */
export async function setClassQuotas(db: Db, className: string, limits: QuotaLimits): Promise<void> {
  const rows = Object.entries(limits).map(([resource, hard_limit]) => ({
    class_name: className,
    resource,
    hard_limit,
  }))
  if (rows.length === 0) return
  await db
    .insertInto('quota_classes')
    .values(rows)
    .onConflict((oc) => oc.columns(['class_name', 'resource']).doUpdateSet(overwrite))
    .execute()
}

/** Puts a project, with all its users, back to the defaults. */
export async function removeProjectQuotas(db: Db, projectId: string): Promise<void> {
  await db.deleteFrom('quotas').where('project_id', '=', projectId).execute()
  await db.deleteFrom('project_user_quotas').where('project_id', '=', projectId).execute()
}

/** Puts one user in a project back to the project's limits. */
export async function removeUserQuotas(db: Db, projectId: string, userId: string): Promise<void> {
  const query = db.deleteFrom('project_user_quotas').where('project_id', '=', projectId)
  await query.where('user_id', '=', userId).execute()
}
