/** Projects and domains: one table, two nouns. */
import { badRequest, forbidden } from '#lib/fault.ts'
import { Type } from '@sinclair/typebox'
import type { Transaction } from 'kysely'
import { longText, name, nullable, text } from '../body.ts'
import { missing } from '../faults.ts'
import { resource, textOf } from '../resource.ts'
import { type KeystoneDb, type ProjectRow, ROOT_DOMAIN } from '../tables.ts'
import type { Routes } from './context.ts'

const DEFAULT_DOMAIN = 'default'
const always = () => ({ options: {}, tags: [] })

/** Deletes what is granted on it. */
async function removeGrants(trx: Transaction<KeystoneDb>, row: ProjectRow): Promise<void> {
  await trx.deleteFrom('keystone_assignment').where('target_id', '=', row.id).execute()
  await trx.deleteFrom('keystone_application_credential').where('project_id', '=', row.id).execute()
}

export const projectResource = resource<ProjectRow>({
  one: 'project',
  many: 'projects',
  table: 'keystone_project',
  columns: {
    name: name(64),
    domain_id: text(64),
    parent_id: nullable(text(64)),
    enabled: Type.Boolean(),
    description: nullable(longText()),
  },
  required: ['name'],
  hidden: { is_domain: Type.Literal(false), tags: Type.Array(text()), options: Type.Object({}) },
  flags: ['is_domain', 'enabled'],
  filters: ['name', 'domain_id', 'parent_id', 'enabled'],
  fixed: { is_domain: 0 },
  always,
  target: (row) => ({ domain_id: row.domain_id, project_id: row.id }),
  async prepare(sent, before, { store }, caller) {
    if (before !== undefined) {
      refuseChange(before, sent, ['domain_id', 'parent_id'])
      return {}
    }
    const domainId = textOf(sent.domain_id) ?? caller.context.domainId ?? DEFAULT_DOMAIN
    if ((await store.findDomain(domainId)) === undefined) throw missing('domain', domainId)
    const parentId = typeof sent.parent_id === 'string' ? sent.parent_id : domainId
    if (parentId !== domainId && (await store.findProject(parentId))?.domain_id !== domainId)
      throw missing('project', parentId)
    return {
      domain_id: domainId,
      parent_id: parentId,
      enabled: Number(sent.enabled ?? true),
      description: textOf(sent.description) ?? '',
    }
  },
  async remove(trx, row) {
    const child = await trx
      .selectFrom('keystone_project')
      .select('id')
      .where('parent_id', '=', row.id)
      .executeTakeFirst()
    if (child !== undefined)
      throw forbidden(`Cannot delete project ${row.id} since it is not a leaf in the hierarchy.`)
    await trx
      .updateTable('keystone_user')
      .set({ default_project_id: null })
      .where('default_project_id', '=', row.id)
      .execute()
    await removeGrants(trx, row)
  },
})

export const domainResource = resource<ProjectRow>({
  one: 'domain',
  many: 'domains',
  table: 'keystone_project',
  columns: { name: name(64), enabled: Type.Boolean(), description: nullable(longText()) },
  required: ['name'],
  hidden: { tags: Type.Array(text()), options: Type.Object({}) },
  flags: ['enabled'],
  filters: ['name', 'enabled'],
  fixed: { is_domain: 1 },
  unshown: ['domain_id', 'parent_id', 'is_domain'],
  always,
  target: (row) => ({ domain_id: row.id }),
  async prepare(sent, before) {
    if (before !== undefined) return {}
    return {
      domain_id: ROOT_DOMAIN,
      parent_id: null,
      enabled: Number(sent.enabled ?? true),
      description: textOf(sent.description) ?? '',
    }
  },
  async remove(trx, row) {
    if (row.enabled === 1) throw forbidden('Cannot delete a domain that is enabled, please disable it first.')
    const inside = ['keystone_project', 'keystone_user', 'keystone_group'] as const
    for (const table of inside) {
      const left = await trx.selectFrom(table).select('id').where('domain_id', '=', row.id).executeTakeFirst()
      if (left !== undefined) throw forbidden(`Cannot delete domain ${row.id}: it is not empty.`)
    }
    await removeGrants(trx, row)
  },
})

/** Refuses to change what is settled when a thing is made. */
export function refuseChange(
  before: object,
  sent: Readonly<Record<string, unknown>>,
  columns: readonly string[],
): void {
  for (const column of columns) {
    const kept = (before as Readonly<Record<string, unknown>>)[column]
    if (sent[column] !== undefined && sent[column] !== kept) throw badRequest(`Cannot change ${column}.`)
  }
}

export function addProjectRoutes(routes: Routes): void {
  projectResource.add(routes)
  domainResource.add(routes)
}
