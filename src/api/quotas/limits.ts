/**
 * How much a project, or one user in it, may have: what was set for it, else the default class, else the
 * configured default. Counted, never stored: whoever inserts checks in the same transaction.
 */
import type { QuotaLimits, Services } from '#api/kernel/index.ts'
import type { Kysely, Transaction } from 'kysely'
import { findClassQuotas, findProjectQuotas, findUserQuotas } from '#db/quotas.ts'
import type { NovaDb } from '#db/schema.ts'

/** Nova's names of what is limited. -1 is no limit. */
export const RESOURCES = [
  'instances',
  'cores',
  'ram',
  'metadata_items',
  'injected_files',
  'injected_file_content_bytes',
  'injected_file_path_bytes',
  'key_pairs',
  'server_groups',
  'server_group_members',
] as const
export type Resource = (typeof RESOURCES)[number]
export type Limits = Readonly<Record<Resource, number>>

/** The class whose limits stand in for configured ones. */
const DEFAULT_CLASS = 'default'

export const configuredLimits = (quota: QuotaLimits): Limits => ({
  instances: quota.instances,
  cores: quota.cores,
  ram: quota.ramMb,
  metadata_items: quota.metadataItems,
  injected_files: quota.injectedFiles,
  injected_file_content_bytes: quota.injectedFileContentBytes,
  injected_file_path_bytes: quota.injectedFilePathBytes,
  key_pairs: quota.keyPairs,
  server_groups: quota.serverGroups,
  server_group_members: quota.serverGroupMembers,
})

type Db = Kysely<NovaDb> | Transaction<NovaDb>

/** The limits of those for whom nothing was set. */
export const defaultLimits = async (db: Db, config: Services['config']): Promise<Limits> => ({
  ...configuredLimits(config.quota),
  ...(await findClassQuotas(db, DEFAULT_CLASS)),
})

/** The limits of a project, or of one user in it. */
export async function limitsOf(
  db: Db,
  config: Services['config'],
  of: { readonly projectId: string; readonly userId?: string | undefined },
): Promise<Limits> {
  const project = { ...(await defaultLimits(db, config)), ...(await findProjectQuotas(db, of.projectId)) }
  return of.userId === undefined
    ? project
    : { ...project, ...(await findUserQuotas(db, of.projectId, of.userId)) }
}
