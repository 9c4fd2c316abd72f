/**
 * How much a project, or one user in it, may have: what was set for it, else the default class, else the
 * configured default; or what Keystone says. What is used is counted, never stored: by whoever inserts, in
 * the same transaction.
 */
import type { QuotaLimits, Services } from '#api/kernel/index.ts'
import { findClassQuotas, findProjectQuotas, findQuotas, findUserQuotas } from '#db/quotas.ts'
import { sharedRead } from '#db/kit/index.ts'
import type { NovaDb } from '#db/schema.ts'
import { readUnifiedLimits } from './unified.ts'

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

type Sources = Pick<Services, 'db' | 'config' | 'unifiedLimits'>

async function keystoneLimits({ config, unifiedLimits }: Sources, projectId?: string): Promise<Limits> {
  if (!unifiedLimits) throw new Error('limits are kept in Keystone, and nobody said how to ask it')
  return { ...UNLIMITED, ...(await readUnifiedLimits(unifiedLimits, config.unifiedLimits, projectId)) }
}

/** The limits of a class; what it does not set is as configured. */
export async function classLimits(sources: Sources, name: string): Promise<Limits> {
  const { db, config } = sources
  if (config.quotaDriver === 'none') return UNLIMITED
  if (config.quotaDriver === 'keystone') return keystoneLimits(sources)
  return { ...configuredLimits(config.quota), ...(await findClassQuotas(db.typed<NovaDb>(), name)) }
}

/** The limits of those for whom nothing was set. */
export const defaultLimits = (sources: Sources): Promise<Limits> => classLimits(sources, DEFAULT_CLASS)

interface Owner {
  readonly projectId: string
  readonly userId?: string | undefined
}

/** The limits of a project, or of one user in it. May ask Keystone: never to be called in a transaction. */
export async function limitsOf(sources: Sources, { projectId, userId }: Owner): Promise<Limits> {
  const { db, config } = sources
  if (config.quotaDriver === 'none') return UNLIMITED
  if (config.quotaDriver === 'keystone') return keystoneLimits(sources, projectId)
  return {
    ...(await defaultLimits(sources)),
    ...(await findProjectQuotas(db.typed<NovaDb>(), projectId)),
    ...(userId !== undefined && (await userLimits(sources, projectId, userId))),
  }
}

/** The limits of a project, and what was set for one user in it. May ask Keystone: never to be called in a transaction. */
export async function allLimits(
  sources: Sources,
  { projectId, userId }: Owner,
): Promise<{ readonly ofProject: Limits; readonly own: Partial<Limits> }> {
  const { db, config } = sources
  if (config.quotaDriver !== 'database') return { ofProject: await limitsOf(sources, { projectId }), own: {} }
  // Many servers of one project are asked for at once.
  const found = await sharedRead(db.typed<NovaDb>(), ['quotas', projectId, userId], (kysely) =>
    findQuotas(kysely, { className: DEFAULT_CLASS, projectId, userId }),
  )
  const ofProject = { ...configuredLimits(config.quota), ...found.ofClass, ...found.ofProject }
  return { ofProject, own: found.ofUser }
}

/** What was set for one user in a project. Keystone knows of none. */
export async function userLimits(
  { db, config }: Sources,
  projectId: string,
  userId: string,
): Promise<Partial<Limits>> {
  return config.quotaDriver === 'database' ? findUserQuotas(db.typed<NovaDb>(), projectId, userId) : {}
}
