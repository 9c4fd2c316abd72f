/** The names that random requests are made of: few enough that they meet again, and some that nobody has. */
import type { Chance } from '../chance.ts'

export interface World {
  readonly providers: readonly string[]
  /** May be exchanged for others as the requests go on. */
  readonly consumers: string[]
  readonly aggregates: readonly string[]
}

export const worldOf = (chance: Chance): World => {
  const uuids = (count: number) => Array.from({ length: count }, () => chance.uuid())
  return { providers: uuids(14), consumers: uuids(10), aggregates: uuids(4) }
}

export const CLASSES = ['VCPU', 'MEMORY_MB', 'DISK_GB', 'SRIOV_NET_VF', 'CUSTOM_A', 'CUSTOM_B'] as const
export const CUSTOM_CLASSES = ['CUSTOM_A', 'CUSTOM_B', 'CUSTOM_C'] as const
export const TRAITS = [
  'HW_CPU_X86_AVX2',
  'HW_CPU_X86_VMX',
  'MISC_SHARES_VIA_AGGREGATE',
  'CUSTOM_T1',
  'CUSTOM_T2',
] as const
export const CUSTOM_TRAITS = ['CUSTOM_T1', 'CUSTOM_T2', 'CUSTOM_T3'] as const
export const PROJECTS = ['p1', 'p2'] as const
export const USERS = ['u1', 'u2'] as const
export const TYPES = ['INSTANCE', 'MIGRATION'] as const

/** The versions at which something changes, and their neighbours. */
const MINORS = Array.from({ length: 40 }, (_, minor) => minor)

/** Mostly the newest. */
export const versionOf = (chance: Chance): string => `1.${chance.oneIn(2) ? 39 : chance.pick(MINORS)}`

export const minorOf = (version: string): number => Number(version.split('.')[1])
