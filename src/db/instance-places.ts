/** Where servers are, and how busy that makes their hosts: what choosing a host goes by. */
import { type Kysely, sql } from 'kysely'
import type { TaskState } from '#model/instance/index.ts'
import type { NovaDb } from './schema.ts'

/** The hosts of those of the instances that are on one: one question. */
export async function hostsOfInstances(
  db: Kysely<NovaDb>,
  uuids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (uuids.length === 0) return new Map()
  const rows = await db
    .selectFrom('instances')
    .select(['uuid', 'host'])
    .where('uuid', 'in', [...new Set(uuids)])
    .where('deleted', '=', 0)
    .where('host', 'is not', null)
    .execute()
  return new Map(rows.flatMap(({ uuid, host }) => (host === null ? [] : [[uuid, host] as const])))
}

/** How many instances each host has. */
export const countOnHosts = async (db: Kysely<NovaDb>): Promise<ReadonlyMap<string, number>> =>
  counted(
    await db
      .selectFrom('instances')
      .select((eb) => ['host', eb.fn.countAll<number>().as('count')])
      .where('host', 'is not', null)
      .where('deleted', '=', 0)
      .groupBy('host')
      .execute(),
  )

/** What keeps a host's disks and network busy, as Nova counts it; beside these, whatever is being built. */
const HEAVY: readonly TaskState[] = [
  'resize_migrating',
  'rebuilding',
  'resize_prep',
  'image_snapshot',
  'image_backup',
  'rescuing',
  'unshelving',
]

/** How many instances of each host are being built, moved or copied. Reads the few that anything is being done to, by their index. */
export const countBusyOnHosts = async (db: Kysely<NovaDb>): Promise<ReadonlyMap<string, number>> =>
  counted(
    await db
      .selectFrom('instances')
      .select((eb) => ['host', eb.fn.countAll<number>().as('count')])
      // Written out, as the index is of such rows only.
      .where(sql<boolean>`deleted = 0 and task_state is not null and host is not null`)
      .where((eb) => eb.or([eb('vm_state', '=', 'building'), eb('task_state', 'in', HEAVY)]))
      .groupBy('host')
      .execute(),
  )

const counted = (rows: readonly { host: string | null; count: number }[]): ReadonlyMap<string, number> =>
  new Map(rows.flatMap(({ host, count }) => (host === null ? [] : [[host, count] as const])))

/** The system metadata of every instance on these hosts: one question, whose answer grows with what they hold. */
export async function notesOnHosts(
  db: Kysely<NovaDb>,
  hosts: readonly string[],
): Promise<readonly { readonly host: string; readonly notes: Readonly<Record<string, string>> }[]> {
  if (hosts.length === 0) return []
  const rows = await db
    .selectFrom('instances')
    .select(['host', 'system_metadata'])
    .where('host', 'in', [...new Set(hosts)])
    .where('deleted', '=', 0)
    .execute()
  return rows.flatMap(({ host, system_metadata }) =>
    host === null ? [] : [{ host, notes: JSON.parse(system_metadata) as Record<string, string> }],
  )
}
