/**
 * Whether servers fit the limits that Keystone keeps: each resource class that they take has its own, and Placement
 * counts what is taken. What was accepted and has no host yet holds nothing there, and is counted here.
 */
import type { ApiConfig, Services } from '#api/kernel/index.ts'
import { countInstances } from '#db/instances.ts'
import { listUnplaced } from '#db/instance-usage.ts'
import { lockQuota } from '#db/quotas.ts'
import type { NovaDb } from '#db/schema.ts'
import { type Fault, forbidden } from '#lib/fault.ts'
import { type Flavor, resourcesOf } from '#model/flavor/index.ts'
import type { Transaction } from 'kysely'

/** By Keystone's names: `servers`, `class:VCPU`, `class:CUSTOM_…`. */
export type UnifiedAmounts = Readonly<Record<string, number>>

export interface UnifiedRoom {
  /** How many servers fit that take so much each: as many as `maxCount`, throws the 403 when not even `minCount` do. */
  fitting(
    trx: Transaction<NovaDb>,
    each: UnifiedAmounts,
    counts: { readonly minCount: number; readonly maxCount: number },
  ): Promise<number>
  /** Throws the 403 when so much more does not fit. */
  require(trx: Transaction<NovaDb>, more: UnifiedAmounts): Promise<void>
}

/** What a server takes, in Keystone's names; one that moves is counted already, as a server. */
export const unifiedNeeds = (
  flavor: Flavor,
  { isVolumeBacked, isNew }: { readonly isVolumeBacked: boolean; readonly isNew: boolean },
): UnifiedAmounts => ({ ...classesOf(resourcesOf(flavor, { isVolumeBacked })), servers: isNew ? 1 : 0 })

const classesOf = (resources: UnifiedAmounts): UnifiedAmounts =>
  Object.fromEntries(Object.entries(resources).map(([name, amount]) => [`class:${name}`, amount]))

/** Asks Keystone and Placement: never to be called in a transaction. */
export async function unifiedRoomOf(
  { config, unifiedLimits, placement }: Pick<Services, 'config' | 'unifiedLimits' | 'placement'>,
  projectId: string,
): Promise<UnifiedRoom> {
  if (!unifiedLimits) throw new Error('limits are kept in Keystone, and nobody said how to ask it')
  const [registered, own, usages] = await Promise.all([
    unifiedLimits.registered(),
    unifiedLimits.ofProject(projectId),
    placement.usagesOf(projectId),
  ])
  const limits = { registered, own, strategy: config.unifiedLimits }
  const taken = classesOf(usages)
  return {
    async fitting(trx, each, { minCount, maxCount }) {
      const used = await usedOf(trx, projectId, taken)
      for (let count = maxCount; ; count--) {
        const over = overOf(limits, used, times(each, count))
        if (!isHeeded(limits, over)) return count
        if (count <= minCount) throw overLimit(projectId, over)
      }
    },
    async require(trx, more) {
      const over = overOf(limits, await usedOf(trx, projectId, taken), more)
      if (isHeeded(limits, over)) throw overLimit(projectId, over)
    },
  }
}

const times = (each: UnifiedAmounts, count: number): UnifiedAmounts =>
  Object.fromEntries(Object.entries(each).map(([name, amount]) => [name, amount * count]))

async function usedOf(
  trx: Transaction<NovaDb>,
  projectId: string,
  taken: UnifiedAmounts,
): Promise<UnifiedAmounts> {
  await lockQuota(trx, projectId)
  const used: Record<string, number> = { ...taken }
  for (const { flavor, isVolumeBacked, count } of await listUnplaced(trx, projectId))
    for (const [name, amount] of Object.entries(classesOf(resourcesOf(flavor, { isVolumeBacked }))))
      used[name] = (used[name] ?? 0) + amount * count
  return { ...used, servers: (await countInstances(trx, { projectId })).instances }
}

interface KeystoneLimits {
  readonly registered: UnifiedAmounts
  readonly own: UnifiedAmounts
  readonly strategy: ApiConfig['unifiedLimits']
}

/** What goes over a limit, by Keystone's name. */
export interface Over {
  readonly name: string
  readonly limit: number
  readonly used: number
  readonly delta: number
}

/** What goes over its limit, in the order of the names. What Keystone does not know of has the limit 0. */
function overOf({ registered, own }: KeystoneLimits, used: UnifiedAmounts, more: UnifiedAmounts): Over[] {
  return Object.entries(more)
    .map(([name, delta]) => {
      // A project's own limit counts only where there is a registered one.
      const limit = registered[name] === undefined ? 0 : (own[name] ?? registered[name])
      return { name, limit, used: used[name] ?? 0, delta }
    })
    .filter(({ limit, used: before, delta }) => limit !== -1 && before + delta > limit)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Limits that nobody registered are heeded as `[quota] unified_limits_resource_strategy` says, any other always. */
function isHeeded({ registered, strategy }: KeystoneLimits, over: readonly Over[]): boolean {
  if (over.some(({ name }) => registered[name] !== undefined)) return true
  return over.some(({ name }) => strategy.names.includes(name) === (strategy.required === 'named'))
}

/** The 403 in the words of those who keep limits in Keystone. */
export const overLimit = (projectId: string, over: readonly Over[]): Fault => {
  const parts = over.map(
    ({ name, limit, used, delta }) =>
      `Resource ${name} is over limit of ${limit} due to current usage ${used} and delta ${delta}`,
  )
  return forbidden(`Project ${projectId} is over a limit for [${parts.join(', ')}]`)
}
