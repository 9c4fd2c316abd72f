/** Nova's services: which process runs where, when it was last heard of, and whether it may be used. */
import { type ExpressionBuilder, type Kysely, sql, type Transaction } from 'kysely'
import { SERVICE_TAKEN, startOfProcess } from '#contracts/conductor.ts'
import { joined, askRows } from '#db/kit/index.ts'
import { conflict, type Fault, notFound } from '#lib/fault.ts'
import type { Service } from '#model/host/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

export interface ServiceFilters {
  readonly host?: string
  readonly binary?: string
  readonly disabled?: boolean
}

/** Services by their number: the order they first reported in. */
export async function listServices(db: Db, filters: ServiceFilters = {}): Promise<Service[]> {
  let query = db.selectFrom('services').selectAll().orderBy('id')
  if (filters.host !== undefined) query = query.where('host', '=', filters.host)
  if (filters.binary !== undefined) query = query.where('binary', '=', filters.binary)
  if (filters.disabled !== undefined) query = query.where('disabled', '=', Number(filters.disabled))
  return (await query.execute()).map(serviceOf)
}

/** A service by its uuid, or (as before 2.53) by its number. */
export async function findService(db: Db, id: string | number): Promise<Service | undefined> {
  const query = db.selectFrom('services').selectAll()
  const row = await (typeof id === 'number'
    ? query.where('id', '=', id)
    : query.where('uuid', '=', id)
  ).executeTakeFirst()
  return row && serviceOf(row)
}

/** As `findService`; throws notFound in Nova's words. */
export async function getService(db: Db, id: string | number): Promise<Service> {
  const service = await findService(db, id)
  if (!service) throw notFound(`Service ${id} could not be found.`)
  return service
}

/** The service of this kind on this host. */
export const findServiceOnHost = (db: Db, host: string, binary: string): Promise<Service | undefined> =>
  finding(db, { host, binary })

const finding = joined<NovaDb, { readonly host: string; readonly binary: string }, Service | undefined>({
  rank: 21,
  async one(db, { host, binary }) {
    const query = db.selectFrom('services').selectAll().where('host', '=', host)
    const row = await query.where('binary', '=', binary).executeTakeFirst()
    return row && serviceOf(row)
  },
  async many(db, wanted) {
    const text = 'select * from services where host = any($1::text[]) and "binary" = any($2::text[])'
    const distinct = (values: readonly string[]) => [...new Set(values)]
    const rows = await askRows<Parameters<typeof serviceOf>[0]>(db, text, [
      distinct(wanted.map(({ host }) => host)),
      distinct(wanted.map(({ binary }) => binary)),
    ])
    const found = rows.map(serviceOf)
    return wanted.map(({ host, binary }) =>
      found.find((service) => service.host === host && service.binary === binary),
    )
  },
})

type Row = Awaited<ReturnType<typeof rowsOf>>[number]
const rowsOf = (db: Db) => db.selectFrom('services').selectAll().execute()

const serviceOf = (row: Row): Service => ({
  id: row.id,
  uuid: row.uuid,
  binary: row.binary,
  host: row.host,
  topic: row.topic,
  disabled: row.disabled === 1,
  disabledReason: row.disabled_reason,
  forcedDown: row.forced_down === 1,
  lastSeenUp: row.last_seen_up_at,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

/** Who speaks for a service that only one process may speak for. */
export interface ServiceProcess {
  /** The host's, stored with its guests: it outlives the process. */
  readonly identity: string
  /** This start of the process. */
  readonly id: string
  /** Its first report: it takes over from an earlier process of the same host. */
  readonly begins: boolean
}

/**
 * Records that a service lives: its first report makes it, with `uuid` and `disabled`; later ones keep those. A
 * `process` is refused (`conflict` with the code `SERVICE_TAKEN`) while another one speaks for the service: it takes
 * over only as it begins, from an earlier process of the same host or one not heard of for `silentMs`.
 */
export async function reportService(
  db: Db,
  report: Pick<Service, 'uuid' | 'binary' | 'host' | 'topic' | 'version'>,
  options: {
    readonly now: number
    readonly disabled?: boolean
    readonly process?: ServiceProcess | undefined
    readonly silentMs?: number
  },
): Promise<Service> {
  const { now, process, silentMs = 0 } = options
  const speaks = { identity: process?.identity ?? null, process: process?.id ?? null }
  const { uuid, binary, host, topic, version } = report
  const row = await db
    .insertInto('services')
    .values({
      uuid,
      binary,
      host,
      topic,
      version,
      disabled: Number(options.disabled ?? false),
      disabled_reason: null,
      forced_down: 0,
      last_seen_up_at: now,
      created_at: now,
      updated_at: null,
      ...speaks,
    })
    .onConflict((oc) => {
      const seen = { topic, version, last_seen_up_at: now, updated_at: now }
      const update = oc.columns(['host', 'binary']).doUpdateSet({ ...seen, ...(process && speaks) })
      return process ? update.where((eb) => maySpeak(eb, process, now - silentMs)) : update
    })
    .returningAll()
    .executeTakeFirst()
  if (row) return serviceOf(row)
  throw await taken(db, host, binary, now)
}

/** Nobody else speaks for the service, or this process may take over. */
function maySpeak(
  eb: ExpressionBuilder<NovaDb, 'services'>,
  { identity, id, begins }: ServiceProcess,
  silentSince: number,
) {
  const free = [eb('services.process', 'is', null), eb('services.process', '=', id)]
  if (!begins) return eb.or(free)
  const sameHost = eb('services.identity', '=', identity)
  const start = startOfProcess(id)
  return eb.or([
    ...free,
    eb('services.identity', 'is', null),
    // The word of a process that is gone may come late: it takes nothing from the one that came after it.
    start === undefined
      ? sameHost
      : eb.and([sameHost, eb(sql<string>`substr(services.process, 1, ${start.length})`, '<=', start)]),
    eb('services.last_seen_up_at', '<', silentSince),
  ])
}

const MS = 1_000

async function taken(db: Db, host: string, binary: string, now: number): Promise<Fault> {
  const other = await findServiceOnHost(db, host, binary)
  const seconds = Math.round((now - (other?.lastSeenUp ?? now)) / MS)
  return conflict(
    `another ${binary} serves the host ${host}, and was heard of ${seconds} s ago: give this one another name ([DEFAULT] host), or stop that one`,
    { code: SERVICE_TAKEN },
  )
}

/** The process says goodbye: another one may take over at once. */
export async function leaveService(
  db: Db,
  { host, binary }: Pick<Service, 'host' | 'binary'>,
  process: string,
): Promise<void> {
  await db
    .updateTable('services')
    .set({ identity: null, process: null })
    .where('host', '=', host)
    .where('binary', '=', binary)
    .where('process', '=', process)
    .execute()
}

/** Changes what an admin may change of a service. Throws notFound. */
export async function updateService(
  db: Db,
  uuid: string,
  changes: Partial<Pick<Service, 'disabled' | 'disabledReason' | 'forcedDown'>>,
  options: { readonly now: number },
): Promise<Service> {
  const { disabled, disabledReason, forcedDown } = changes
  const row = await db
    .updateTable('services')
    .set({
      ...(disabled !== undefined && { disabled: Number(disabled) }),
      ...(disabledReason !== undefined && { disabled_reason: disabledReason }),
      ...(forcedDown !== undefined && { forced_down: Number(forcedDown) }),
      updated_at: options.now,
    })
    .where('uuid', '=', uuid)
    .returningAll()
    .executeTakeFirst()
  if (!row) throw notFound(`Service ${uuid} could not be found.`)
  return serviceOf(row)
}

/** Forgets a service; it comes back when it reports again. Throws notFound. */
export async function removeService(db: Db, uuid: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('services')
    .where('uuid', '=', uuid)
    .executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) throw notFound(`Service ${uuid} could not be found.`)
}
