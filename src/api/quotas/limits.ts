/**
 * How much a project, or one user in it, may have: what was set for it, else the default class, else the
 * configured default. Counted, never stored: whoever inserts counts in the same transaction.
 */
import type { QuotaLimits, Services } from '#api/kernel/index.ts'
import type { Kysely, Transaction } from 'kysely'
import { findClassQuotas, findProjectQuotas, findUserQuotas } from '#db/quotas.ts'
import type { NovaDb } from '#db/schema.ts'

/** What is limited here. */
const COUNTED = [
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

/** What the network service limits by now: kept and told as ever, and heeded by nobody. */
const NETWORK = ['fixed_ips', 'floating_ips', 'security_groups', 'security_group_rules'] as const

/** Nova's names of what has a limit. -1 is no limit. */
export const RESOURCES = [...COUNTED, ...NETWORK] as const
export type Resource = (typeof RESOURCES)[number]
export type Limits = Readonly<Record<Resource, number>>

/** A cell for each resource. */
export const byResource = <T>(cell: (resource: Resource) => T): Readonly<Record<Resource, T>> =>
  Object.fromEntries(RESOURCES.map((resource) => [resource, cell(resource)])) as Record<Resource, T>

/** The class whose limits stand in for configured ones. */
const DEFAULT_CLASS = 'default'

const UNLIMITED = byResource(() => -1)

const configuredLimits = (quota: QuotaLimits): Limits => ({
  ...UNLIMITED,
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
type Config = Services['config']

/** The limits of a class; what it does not set is as configured. */
export async function classLimits(db: Db, config: Config, name: string): Promise<Limits> {
  if (config.quotaDriver === 'none') return UNLIMITED
  return { ...configuredLimits(config.quota), ...(await findClassQuotas(db, name)) }
}

/** The limits of those for whom nothing was set. */
export const defaultLimits = (db: Db, config: Config): Promise<Limits> =>
  classLimits(db, config, DEFAULT_CLASS)

/** The limits of a project, or of one user in it. */
export async function limitsOf(
  db: Db,
  config: Config,
  of: { readonly projectId: string; readonly userId?: string | undefined },
): Promise<Limits> {
  if (config.quotaDriver === 'none') return UNLIMITED
  const project = { ...(await defaultLimits(db, config)), ...(await findProjectQuotas(db, of.projectId)) }
  return of.userId === undefined
    ? project
    : { ...project, ...(await findUserQuotas(db, of.projectId, of.userId)) }
}
