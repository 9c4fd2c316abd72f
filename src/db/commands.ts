/** Commands: work that an operation sends to a compute, kept until the compute's outcome is written, once. */
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Command, CommandKind, GuestSpec } from '#contracts/compute.ts'
import type { CommandOutcome } from '#contracts/conductor.ts'
import { dialectOf, inTransaction } from '#db/kit/index.ts'
import { wakeOperation, wakingOf } from './operations.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

export interface StoredCommand extends Command {
  readonly operationId: string
  readonly host: string
  readonly status: 'pending' | 'done' | 'withdrawn'
  readonly outcome: CommandOutcome | null
}

/** Stores a command for a host; one of the same id that is there already stays as it is. */
export async function insertCommand(
  db: Db,
  command: Command & { readonly operationId: string; readonly host: string },
  { now }: { now: number },
): Promise<void> {
  await db
    .insertInto('commands')
    .values({
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
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

export async function findCommand(db: Db, id: string): Promise<StoredCommand | undefined> {
  const row = await db.selectFrom('commands').selectAll().where('id', '=', id).executeTakeFirst()
  return row && storedOf(row)
}

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

/** Writes a pending command's outcome and wakes its operation. False, with nothing changed, when it has one, was withdrawn, or is not the host's. */
export async function finishCommand(
  db: Db,
  done: { readonly commandId: string; readonly host: string; readonly outcome: CommandOutcome },
  { now }: { now: number },
): Promise<boolean> {
  const finished = (of: Pick<Db, 'updateTable'>) =>
    of
      .updateTable('commands')
      .set({ status: 'done', outcome: JSON.stringify(done.outcome), finished_at: now })
      .where('id', '=', done.commandId)
      .where('host', '=', done.host)
      .where('status', '=', 'pending')
      .returning('operation_id')
  if (dialectOf(db) === 'postgres') {
    const row = await db
      .with('finished', finished)
      .with('woken', (eb) =>
        wakingOf(eb, now).where('id', '=', sql<string>`(select operation_id from finished)`),
      )
      .selectFrom('finished')
      .select('operation_id')
      .executeTakeFirst()
    return row !== undefined
  }
  return inTransaction(db, async (trx) => {
    const row = await finished(trx).executeTakeFirst()
    if (row) await wakeOperation(trx, row.operation_id, { now })
    return row !== undefined
  })
}

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
