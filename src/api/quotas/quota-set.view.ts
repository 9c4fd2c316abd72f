/** How limits look in answers: in a quota set, in the set of a class, and in `GET /limits`. */
import { shownSince, shownUntil, view } from '#lib/versioned/index.ts'
import type { Limits, Resource } from './limits.ts'

/** What stands at a resource: its limit, or in a detailed set limit, use and reservation. */
export type Cells = Readonly<Record<Resource, unknown>>

interface SetContext {
  /** Undefined in the answer to a change. */
  readonly id: string | undefined
}

const always: Parameters<typeof view<Cells, SetContext>>[0] = {
  id: (_cells, { id }) => id,
  cores: (cells) => cells.cores,
  instances: (cells) => cells.instances,
  key_pairs: (cells) => cells.key_pairs,
  metadata_items: (cells) => cells.metadata_items,
  ram: (cells) => cells.ram,
  injected_files: shownUntil('2.56', (cells) => cells.injected_files),
  injected_file_content_bytes: shownUntil('2.56', (cells) => cells.injected_file_content_bytes),
  injected_file_path_bytes: shownUntil('2.56', (cells) => cells.injected_file_path_bytes),
}

const networkUntil = (version: string): Parameters<typeof view<Cells, SetContext>>[0] => ({
  fixed_ips: shownUntil(version, (cells) => cells.fixed_ips),
  floating_ips: shownUntil(version, (cells) => cells.floating_ips),
  security_groups: shownUntil(version, (cells) => cells.security_groups),
  security_group_rules: shownUntil(version, (cells) => cells.security_group_rules),
})

export const quotaSetView = view<Cells, SetContext>({
  ...always,
  ...networkUntil('2.35'),
  server_groups: (cells) => cells.server_groups,
  server_group_members: (cells) => cells.server_group_members,
})

export const quotaClassView = view<Cells, SetContext>({
  ...always,
  ...networkUntil('2.49'),
  server_groups: shownSince('2.50', (cells) => cells.server_groups),
  server_group_members: shownSince('2.50', (cells) => cells.server_group_members),
})

/** How much is used, by Nova's names. */
export type Used = Readonly<Record<Resource, number>>

export const absoluteLimits = view<Limits, Used>({
  maxServerMeta: (limits) => limits.metadata_items,
  maxImageMeta: shownUntil('2.38', (limits) => limits.metadata_items),
  maxPersonality: shownUntil('2.56', (limits) => limits.injected_files),
  maxPersonalitySize: shownUntil('2.56', (limits) => limits.injected_file_content_bytes),
  maxSecurityGroups: shownUntil('2.35', (limits) => limits.security_groups),
  maxSecurityGroupRules: shownUntil('2.35', (limits) => limits.security_group_rules),
  maxTotalFloatingIps: shownUntil('2.35', (limits) => limits.floating_ips),
  maxTotalCores: (limits) => limits.cores,
  maxTotalInstances: (limits) => limits.instances,
  maxTotalKeypairs: (limits) => limits.key_pairs,
  maxTotalRAMSize: (limits) => limits.ram,
  maxServerGroups: (limits) => limits.server_groups,
  maxServerGroupMembers: (limits) => limits.server_group_members,
  totalCoresUsed: (_limits, used) => used.cores,
  totalInstancesUsed: (_limits, used) => used.instances,
  totalRAMUsed: (_limits, used) => used.ram,
  totalFloatingIpsUsed: shownUntil('2.35', (_limits, used) => used.floating_ips),
  totalSecurityGroupsUsed: shownUntil('2.35', (_limits, used) => used.security_groups),
  totalServerGroupsUsed: (_limits, used) => used.server_groups,
})
