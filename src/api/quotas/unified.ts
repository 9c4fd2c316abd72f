/** Limits that Keystone keeps, by Nova's own names of what they limit. */
import type { ApiConfig } from '#api/kernel/index.ts'
import type { UnifiedLimits } from '#neighbours/identity/port.ts'
import type { Resource } from './limits.ts'

/** Keystone's names. What is not here is limited nowhere. */
export const UNIFIED_NAMES: Partial<Readonly<Record<Resource, string>>> = {
  instances: 'servers',
  cores: 'class:VCPU',
  ram: 'class:MEMORY_MB',
  metadata_items: 'server_metadata_items',
  injected_files: 'server_injected_files',
  injected_file_content_bytes: 'server_injected_file_content_bytes',
  injected_file_path_bytes: 'server_injected_file_path_bytes',
  key_pairs: 'server_key_pairs',
  server_groups: 'server_groups',
  server_group_members: 'server_group_members',
}

/** What a project may have less or more of than others; the rest is the same for all. */
const OF_PROJECTS: ReadonlySet<Resource> = new Set<Resource>(['instances', 'cores', 'ram'])

/** The limits of a project, or those of projects for which nothing was set. */
export async function readUnifiedLimits(
  source: UnifiedLimits,
  strategy: ApiConfig['unifiedLimits'],
  projectId: string | undefined,
): Promise<Partial<Record<Resource, number>>> {
  const registered = await source.registered()
  const own = projectId === undefined ? {} : await source.ofProject(projectId)
  const limitOf = (resource: Resource, name: string): number => {
    const isNamed = strategy.names.includes(name)
    const missing = isNamed === (strategy.required === 'named') ? 0 : -1
    // A project's own limit counts only where there is a registered one.
    const limit = registered[name] ?? missing
    return registered[name] !== undefined && OF_PROJECTS.has(resource) ? (own[name] ?? limit) : limit
  }
  return Object.fromEntries(
    Object.entries(UNIFIED_NAMES).map(([resource, name]) => [resource, limitOf(resource as Resource, name)]),
  )
}
