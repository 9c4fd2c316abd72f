/** Quotas: how many of each kind a project may have. -1 is without limit. */
import { badRequest, conflict } from '#lib/fault.ts'
import type { KindName } from './documents.ts'
import { forget, remembered } from './remembered.ts'
import { countAllDocs, countDocs, type NeutronDb } from './store.ts'

/** Neutron's own defaults. */
export const QUOTA_DEFAULTS: Readonly<Record<KindName, number>> = {
  network: 100,
  subnet: 100,
  port: 500,
  router: 10,
  floatingip: 50,
  security_group: 10,
  security_group_rule: 100,
}

export type Quotas = Readonly<Record<KindName, number>>
const RESOURCES = Object.keys(QUOTA_DEFAULTS) as KindName[]

export async function quotasOf(db: NeutronDb, projectId: string, defaults: Quotas): Promise<Quotas> {
  const rows = await remembered(db, `quotas ${projectId}`, () =>
    db.selectFrom('neutron_quotas').selectAll().where('project_id', '=', projectId).execute(),
  )
  return { ...defaults, ...Object.fromEntries(rows.map((row) => [row.resource, row.hard_limit])) }
}

/** Throws `OverQuota` when one more is too many. */
export async function checkQuota(
  db: NeutronDb,
  kind: KindName,
  projectId: string,
  defaults: Quotas,
): Promise<void> {
  const limit = (await quotasOf(db, projectId, defaults))[kind]
  if (limit < 0 || (await countDocs(db, kind, projectId)) < limit) return
  throw conflict(`Quota exceeded for resources: ['${kind}'].`, { code: 'OverQuota' })
}

export async function quotaDetails(db: NeutronDb, projectId: string, defaults: Quotas) {
  const quotas = await quotasOf(db, projectId, defaults)
  const used = await countAllDocs(db, projectId)
  const details: Record<string, unknown> = {}
  for (const kind of RESOURCES)
    details[kind] = { limit: quotas[kind], used: used.get(kind) ?? 0, reserved: 0 }
  return details
}

const MAX_LIMIT = 2_147_483_647

/** Stores what `sent` names. Throws 400 for an unknown resource or a value below -1. */
export async function setQuotas(
  db: NeutronDb,
  projectId: string,
  sent: Readonly<Record<string, unknown>>,
): Promise<void> {
  for (const [resource, limit] of Object.entries(sent)) {
    if (
      resource === 'tenant_id' ||
      resource === 'project_id' ||
      resource === 'force' ||
      resource === 'check_limit'
    )
      continue
    if (!RESOURCES.includes(resource as KindName))
      throw badRequest(`Unrecognized attribute(s) '${resource}'`, { code: 'HTTPBadRequest' })
    const number = typeof limit === 'string' && /^-?\d{1,10}$/.test(limit) ? Number(limit) : limit
    if (typeof number !== 'number' || !Number.isInteger(number) || number < -1 || number > MAX_LIMIT)
      throw badRequest(
        `Invalid input for ${resource}. Reason: '${String(limit)}' is not an integer of -1 or more.`,
        { code: 'HTTPBadRequest' },
      )
    await db
      .insertInto('neutron_quotas')
      .values({ project_id: projectId, resource, hard_limit: number })
      .onConflict((oc) => oc.columns(['project_id', 'resource']).doUpdateSet({ hard_limit: number }))
      .execute()
  }
  forget(db)
}

export async function resetQuotas(db: NeutronDb, projectId: string): Promise<void> {
  await db.deleteFrom('neutron_quotas').where('project_id', '=', projectId).execute()
  forget(db)
}
