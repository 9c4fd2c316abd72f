/** Whether a project may have so many more servers, in Nova's words. */
import { type Quota, unifiedNeeds } from '#api/quotas/index.ts'
import { countInstances } from '#db/instances.ts'
import { lockQuota } from '#db/quotas.ts'
import type { NovaDb } from '#db/schema.ts'
import type { Flavor } from '#model/flavor/index.ts'
import type { Transaction } from 'kysely'

interface Asked {
  readonly projectId: string
  readonly flavor: Flavor
  readonly minCount: number
  readonly maxCount: number
  readonly isVolumeBacked: boolean
}

/** Whether anything needs to be counted before servers are made. */
export const isLimited = ({ limits, ofProject, room }: Quota): boolean =>
  room !== undefined || RESOURCES.some((name) => limits[name] >= 0 || ofProject[name] >= 0)

type Amounts = Readonly<Record<'instances' | 'cores' | 'ram', number>>

/**
 * How many of the servers may be made: as many as fit, at least `minCount`. Throws the 403 when fewer
 * fit. To be called in the transaction that makes them.
 */
export async function countWithinQuota(
  trx: Transaction<NovaDb>,
  quota: Quota,
  asked: Asked,
): Promise<number> {
  const { projectId, flavor, minCount, maxCount, isVolumeBacked } = asked
  if (quota.room) return quota.room.fitting(trx, unifiedNeeds(flavor, { isVolumeBacked, isNew: true }), asked)
  const each = { instances: 1, cores: flavor.vcpus, ram: flavor.memoryMb }
  const parties = [
    { owner: { projectId }, limits: quota.ofProject },
    ...(quota.userId === undefined
      ? []
      : [{ owner: { projectId, userId: quota.userId }, limits: quota.limits }]),
  ]
  let fitting = maxCount
  for (const { owner, limits } of parties) {
    // Counting takes as long as there are servers: nobody is counted for nothing.
    if (RESOURCES.every((name) => limits[name] < 0)) continue
    await lockQuota(trx, projectId)
    const used = await countInstances(trx, owner)
    const usage = { instances: used.instances, cores: used.cores, ram: used.ramMb }
    const rooms = RESOURCES.map((name) => roomFor(limits[name] - usage[name], limits[name], each[name]))
    fitting = Math.min(fitting, ...rooms)
    if (fitting < minCount) throw overQuota({ ...quota, limits }, usage, each, { minCount, maxCount })
  }
  return fitting
}

const RESOURCES = ['instances', 'cores', 'ram'] as const

const roomFor = (left: number, limit: number, each: number): number =>
  limit < 0 || each === 0 ? Number.POSITIVE_INFINITY : Math.floor(left / each)

function overQuota(
  { limits, refusal }: Quota,
  used: Amounts,
  each: Amounts,
  counts: { minCount: number; maxCount: number },
) {
  const { minCount, maxCount } = counts
  const over = RESOURCES.filter(
    (name) => limits[name] >= 0 && used[name] + each[name] * maxCount > limits[name],
  ).sort()
  const asked = {
    instances: minCount === maxCount ? `${minCount}` : `${minCount}-${maxCount}`,
    cores: each.cores * maxCount,
    ram: each.ram * maxCount,
  }
  const join = (of: (name: (typeof RESOURCES)[number]) => string | number) => over.map(of).join(', ')
  const names = join((name) => name)
  const allowed = join((name) => limits[name])
  return refusal(
    `Quota exceeded for ${names}: Requested ${join((name) => asked[name])}, but already used ${join((name) => used[name])} of ${allowed} ${names}`,
    over.map((resource) => ({ resource, used: used[resource], delta: each[resource] * maxCount })),
  )
}

export interface PersonalityFile {
  readonly path?: string | undefined
  readonly contents?: string | undefined
}

/** Throws the 403 when metadata or injected files are too many or too large. */
export function checkItems(
  { limits, refusal }: Quota,
  metadata: Readonly<Record<string, string>>,
  files: readonly PersonalityFile[],
): void {
  const require = (resource: Item, amount: number, words: (limit: number) => string) => {
    const limit = limits[resource]
    if (limit >= 0 && amount > limit) throw refusal(words(limit), [{ resource, used: 0, delta: amount }])
  }
  require('metadata_items', Object.keys(metadata).length, (limit) =>
    `Maximum number of metadata items exceeds ${limit}`)
  require('injected_files', files.length, () => 'Maximum number of injected files exceeded')
  for (const { path = '', contents = '' } of files) {
    require('injected_file_path_bytes', Buffer.byteLength(path), (limit) =>
      `Personality file path exceeds maximum ${limit}`)
    require('injected_file_content_bytes', Buffer.byteLength(contents, 'base64'), (limit) =>
      `Personality file content exceeds maximum ${limit}`)
  }
}

type Item = 'metadata_items' | 'injected_files' | 'injected_file_path_bytes' | 'injected_file_content_bytes'
