/** Faults: what last went wrong with an instance. */
import type { Kysely, Transaction } from 'kysely'
import { dialectOf, isOneOf } from '#db/kit/index.ts'
import type { InstanceFault } from '#model/instance/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

/** As much of a message as the API shows. */
const MAX_MESSAGE = 255

/** Records a fault. A message too long to show is cut; `details` is kept whole. */
export async function insertInstanceFault(
  db: Db,
  instanceUuid: string,
  fault: Omit<InstanceFault, 'createdAt'>,
  options: { readonly now: number },
): Promise<void> {
  await db
    .insertInto('instance_faults')
    .values({
      instance_uuid: instanceUuid,
      code: fault.code,
      message: fault.message.slice(0, MAX_MESSAGE),
      details: fault.details,
      host: fault.host,
      created_at: options.now,
    })
    .execute()
}

/** The latest fault of each of these instances that ever had one, by uuid, in one query. */
export async function latestInstanceFaults(
  db: Db,
  uuids: readonly string[],
): Promise<Map<string, InstanceFault>> {
  if (uuids.length === 0) return new Map()
  const latest = db
    .selectFrom('instance_faults')
    .select((eb) => eb.fn.max('id').as('id'))
    .where(isOneOf(dialectOf(db), 'instance_uuid', uuids))
    .groupBy('instance_uuid')
  const rows = await db.selectFrom('instance_faults').selectAll().where('id', 'in', latest).execute()
  return new Map(
    rows.map(({ instance_uuid, code, message, details, host, created_at }) => [
      instance_uuid,
      { code, message, details, host, createdAt: created_at },
    ]),
  )
}
