/** Commands: work that an operation sends to a compute, kept until the compute's outcome is written, once. */
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Command, CommandKind, GuestSpec } from '#contracts/compute.ts'
import type { CommandOutcome } from '#contracts/conductor.ts'
import { askRows, gathered, inTransaction, joined, onlyChecked } from '#db/kit/index.ts'
import { wakeOperation } from './operations.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

export interface StoredCommand extends Command {
  readonly operationId: string
  readonly host: string
  readonly status: 'pending' | 'done' | 'withdrawn'
  readonly outcome: CommandOutcome | null
}

type NewCommand = Command & { readonly operationId: string; readonly host: string }

/** Stores a command for a host; one of the same id that is there already stays as it is. */
export const insertCommand = (db: Db, command: NewCommand, { now }: { now: number }): Promise<void> =>
  inserting(db, rowOf(command, now))

const rowOf = (command: NewCommand, now: number): NovaDb['commands'] => ({
  id: command.id,
  operation_id: command.operationId,
  instance_uuid: command.instanceUuid,
  host: command.host,
  kind: command.kind,
  request_id: command.requestId,
  guest: JSON.stringify(command.guest),
  args: JSON.stringify(command.args),
  deadline: command.deadline,
  status: 'pending',
  outcome: null,
  created_at: now,
  finished_at: null,
})

const inserting = joined<NovaDb, NovaDb['commands'], void>({
  rank: 70,
  writes: true,
  async one(db, row) {
    const insert = db.insertInto('commands').values(row)
    await insert.onConflict((conflict) => conflict.column('id').doNothing()).execute()
  },
  async many(db, rows) {
    const columns = [
      'id',
      'operation_id',
      'instance_uuid',
      'host',
      'kind',
      'request_id',
      'guest',
      'args',
    ] as const
    await askRows(db, INSERT_MANY, [
      ...columns.map((column) => rows.map((row) => row[column])),
      rows.map(({ deadline }) => deadline),
      rows.map(({ created_at }) => created_at),
    ])
    return rows.map(() => undefined)
  },
})

const INSERT_MANY = `
  insert into commands
    (id, operation_id, instance_uuid, host, kind, request_id, guest, args, deadline, created_at, status)
  select v.*, 'pending'
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::bigint[], $10::bigint[]) as v
  on conflict (id) do nothing`

export const findCommand = joined<NovaDb, string, StoredCommand | undefined>({
  rank: 20,
  async one(db, id) {
    const row = await db.selectFrom('commands').selectAll().where('id', '=', id).executeTakeFirst()
    return row && storedOf(row)
  },
  async many(db, ids) {
    const text = 'select * from commands where id = any($1::text[])'
    const rows = await askRows<NovaDb['commands']>(db, text, [ids])
    const found = new Map(rows.map((row) => [row.id, storedOf(row)]))
    return ids.map((id) => found.get(id))
  },
})

/** What the host was told and has not answered, oldest first, but for `except`. */
export async function listPendingCommands(
  db: Db,
  host: string,
  except: readonly string[] = [],
): Promise<Command[]> {
  // Written out, so that SQLite finds them in the index of the pending.
  const pending = sql.lit('pending')
  let query = db.selectFrom('commands').selectAll().where('host', '=', host).where('status', '=', pending)
  if (except.length > 0) query = query.where('id', 'not in', except)
  const rows = await query.orderBy('created_at').orderBy('id').execute()
  return rows.map(commandOf)
}

interface Finished {
  readonly commandId: string
  readonly host: string
  readonly outcome: CommandOutcome
}

/** Writes a pending command's outcome and wakes its operation. False, with nothing changed, when it has one, was withdrawn, or is not the host's. */
export const finishCommand = (db: Db, done: Finished, { now }: { now: number }): Promise<boolean> =>
  finishing(db, { ...done, now })

const finishing = gathered<NovaDb, Finished & { readonly now: number }, boolean>({
  rank: 20,
  writes: true,
  // It begins with the operation's id, which is woken.
  keyOf: ({ commandId }) => commandId,
  one: (db, { commandId, host, outcome, now }) =>
    inTransaction(db, async (trx) => {
      const row = await trx
        .updateTable('commands')
        .set({ status: 'done', outcome: JSON.stringify(outcome), finished_at: now })
        .where('id', '=', commandId)
        .where('host', '=', host)
        .where('status', '=', 'pending')
        .returning('operation_id')
        .executeTakeFirst()
      if (row) await wakeOperation(trx, row.operation_id, { now })
      return row !== undefined
    }),
  async many(db, done) {
    const rows = await askRows<{ id: string }>(db, FINISH_MANY, [
      done.map(({ commandId }) => commandId),
      done.map(({ host }) => host),
      done.map(({ outcome }) => JSON.stringify(outcome)),
      done.map(({ now }) => now),
    ])
    const written = new Set(rows.map(({ id }) => id))
    return done.map(({ commandId }) => written.delete(commandId))
  },
})

/** Two tables in one statement, and no transaction around it. */
const FINISH_MANY = `
  with finished as (
    update commands c set status = 'done', outcome = v.outcome, finished_at = v.now
    from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as v (id, host, outcome, now)
    where c.id = v.id and ${onlyChecked("c.host = v.host and c.status = 'pending'")}
    returning c.id, c.operation_id, v.now
  ), woken as (
    update operations o set wakes = o.wakes + 1, wake_at = f.now, updated_at = f.now
    from finished f where o.id = f.operation_id and ${onlyChecked("o.status = 'live'")}
  )
  select id from finished`

/** Withdraws what an operation told and nobody answered: a host that returns later is not to do it. */
export async function withdrawCommands(
  db: Db,
  operationId: string,
  { now, kind }: { now: number; kind: CommandKind },
): Promise<void> {
  await db
    .updateTable('commands')
    .set({ status: 'withdrawn', finished_at: now })
    .where('operation_id', '=', operationId)
    .where('kind', '=', kind)
    .where('status', '=', 'pending')
    .execute()
}

const commandOf = (row: NovaDb['commands']): Command => ({
  id: row.id,
  kind: row.kind as CommandKind,
  instanceUuid: row.instance_uuid,
  requestId: row.request_id,
  deadline: row.deadline,
  guest: JSON.parse(row.guest) as GuestSpec,
  args: JSON.parse(row.args) as Record<string, unknown>,
})

const storedOf = (row: NovaDb['commands']): StoredCommand => ({
  ...commandOf(row),
  operationId: row.operation_id,
  host: row.host,
  status: row.status as StoredCommand['status'],
  outcome: row.outcome === null ? null : (JSON.parse(row.outcome) as CommandOutcome),
})
