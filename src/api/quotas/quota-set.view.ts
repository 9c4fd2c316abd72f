/** How limits look in answers, in a quota set and in `GET /limits`. */
import { shownUntil, view } from '#lib/versioned/index.ts'
import type { Limits, Resource } from './limits.ts'

/** What stands at a resource: its limit, or in a detailed set limit, use and reservation. */
export type Cells = Readonly<Record<Resource | 'network', unknown>>

export const quotaSetView = view<Cells, { readonly id: string | undefined }>({
  id: (_cells, { id }) => id,
  cores: (cells) => cells.cores,
  instances: (cells) => cells.instances,
  key_pairs: (cells) => cells.key_pairs,
  metadata_items: (cells) => cells.metadata_items,
  ram: (cells) => cells.ram,
  server_groups: (cells) => cells.server_groups,
  server_group_members: (cells) => cells.server_group_members,
  injected_files: shownUntil('2.56', (cells) => cells.injected_files),
  injected_file_content_bytes: shownUntil('2.56', (cells) => cells.injected_file_content_bytes),
  injected_file_path_bytes: shownUntil('2.56', (cells) => cells.injected_file_path_bytes),
  // What the network service limits is no limit here.
  fixed_ips: shownUntil('2.35', (cells) => cells.network),
  floating_ips: shownUntil('2.35', (cells) => cells.network),
  security_groups: shownUntil('2.35', (cells) => cells.network),
  security_group_rules: shownUntil('2.35', (cells) => cells.network),
})

export interface Used {
  readonly instances: number
  readonly cores: number
  readonly ramMb: number
}

export const absoluteLimits = view<Limits, Used>({
  maxServerMeta: (limits) => limits.metadata_items,
  maxImageMeta: shownUntil('2.38', (limits) => limits.metadata_items),
  maxPersonality: shownUntil('2.56', (limits) => limits.injected_files),
  maxPersonalitySize: shownUntil('2.56', (limits) => limits.injected_file_content_bytes),
  maxSecurityGroups: shownUntil('2.35', () => -1),
  maxSecurityGroupRules: shownUntil('2.35', () => -1),
  maxTotalFloatingIps: shownUntil('2.35', () => -1),
  maxTotalCores: (limits) => limits.cores,
  maxTotalInstances: (limits) => limits.instances,
  maxTotalKeypairs: (limits) => limits.key_pairs,
  maxTotalRAMSize: (limits) => limits.ram,
  maxServerGroups: (limits) => limits.server_groups,
  maxServerGroupMembers: (limits) => limits.server_group_members,
  totalCoresUsed: (_limits, used) => used.cores,
  totalInstancesUsed: (_limits, used) => used.instances,
  totalRAMUsed: (_limits, used) => used.ramMb,
  totalFloatingIpsUsed: shownUntil('2.35', () => 0),
  totalSecurityGroupsUsed: shownUntil('2.35', () => 0),
  totalServerGroupsUsed: () => 0,
})
