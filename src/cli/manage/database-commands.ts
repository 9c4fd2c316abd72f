/** `nova-manage db …`: tables brought up to date, rows of deleted servers archived and purged. */
import { archiveDeleted, type ArchivedCounts, purgeArchived } from '#db/archive.ts'
import type { NovaDb } from '#db/schema.ts'
import { drawTable } from '../placement/table.ts'
import { novaVersion, syncNova } from '../services/database.ts'
import { type Given, type Ground, isSet, type ManageCommand, readTime, text } from './command.ts'

const MAX_INT = 0x7f_ff_ff_ff
const MS = 1_000
const DEFAULT_ROWS = '1000'

const sync: ManageCommand = {
  help: 'bring the tables up to date',
  options: { local_cell: { type: 'boolean' } },
  async run({ database }) {
    await syncNova(database())
    return 0
  },
}

const version: ManageCommand = {
  help: 'print the version of the tables',
  async run({ database, say }) {
    say(String(await novaVersion(database())))
    return 0
  },
}

const told = (head: string, counts: ArchivedCounts): string =>
  drawTable(
    ['Table', head],
    Object.entries(counts)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([table, count]) => [table, String(count)]),
  )

const isEmpty = (counts: ArchivedCounts): boolean => Object.keys(counts).length === 0

function add(to: Record<string, number>, counts: ArchivedCounts): void {
  for (const [table, count] of Object.entries(counts)) to[table] = (to[table] ?? 0) + count
}

const archive: ManageCommand = {
  help: 'move rows of deleted servers out of the way; 0: there were none, 1: some were moved',
  options: {
    max_rows: { type: 'string' },
    before: { type: 'string' },
    verbose: { type: 'boolean' },
    'until-complete': { type: 'boolean' },
    purge: { type: 'boolean' },
    'all-cells': { type: 'boolean' },
    'task-log': { type: 'boolean' },
    sleep: { type: 'string' },
  },
  async run(ground, given) {
    const { say } = ground
    const written = text(given, 'max_rows') ?? DEFAULT_ROWS
    const maxRows = /^[+-]?\d+$/.test(written) ? Number(written) : -1
    if (maxRows < 0 || maxRows > MAX_INT) {
      say(maxRows < 0 ? 'Must supply a positive value for max_rows' : `max rows must be <= ${MAX_INT}`)
      return 2
    }
    const asked = text(given, 'before')
    const before = asked === undefined ? undefined : readTime(asked)
    if (asked !== undefined && before === undefined) {
      say(`Invalid value for --before: ${asked}`)
      return 4
    }
    const counts = await archiveAll(ground, given, { before, maxRows })
    const verbose = isSet(given, 'verbose')
    if (verbose) say(isEmpty(counts) ? 'Nothing was archived.' : told('Number of Rows Archived', counts))
    if (isEmpty(counts)) return 0
    if (isSet(given, 'purge')) {
      if (verbose) say('Rows were archived, running purge...')
      await purgeAll(ground, { before: undefined, verbose })
    }
    return 1
  },
}

async function archiveAll(
  { database, now, sleep, say }: Ground,
  given: Given,
  { before, maxRows }: { readonly before: number | undefined; readonly maxRows: number },
): Promise<ArchivedCounts> {
  const db = database().typed<NovaDb>()
  const counts: Record<string, number> = {}
  const untilComplete = isSet(given, 'until-complete')
  const pauseMs = Number(text(given, 'sleep') ?? 0) * MS
  for (;;) {
    const batch = await archiveDeleted(db, { before, maxRows, now: now() })
    add(counts, batch)
    if (!untilComplete || isEmpty(batch)) break
    if (pauseMs > 0) await sleep(pauseMs)
  }
  if (untilComplete && isSet(given, 'verbose')) say('Archiving.....complete')
  return counts
}

const purge: ManageCommand = {
  help: 'remove archived rows: --all, or those of servers deleted --before; 0: some were removed, 3: none',
  options: {
    before: { type: 'string' },
    all: { type: 'boolean' },
    verbose: { type: 'boolean' },
    'all-cells': { type: 'boolean' },
  },
  async run(ground, given) {
    const asked = text(given, 'before')
    if (asked === undefined && !isSet(given, 'all')) {
      ground.say('Either --before or --all is required')
      return 1
    }
    const before = asked === undefined ? undefined : readTime(asked)
    if (asked !== undefined && before === undefined) {
      ground.say(`Invalid value for --before: ${asked}`)
      return 2
    }
    const purged = await purgeAll(ground, { before, verbose: isSet(given, 'verbose') })
    return isEmpty(purged) ? 3 : 0
  },
}

async function purgeAll(
  { database, say }: Ground,
  { before, verbose }: { readonly before: number | undefined; readonly verbose: boolean },
): Promise<ArchivedCounts> {
  const counts = await purgeArchived(database().typed<NovaDb>(), { before })
  if (verbose)
    for (const [table, count] of Object.entries(counts)) say(`DB: Deleted ${count} rows from ${table}`)
  return counts
}

const onlineDataMigrations: ManageCommand = {
  help: 'mend old rows beside running services; 0: nothing is left',
  options: { 'max-count': { type: 'string' } },
  async run({ say }, given) {
    const count = text(given, 'max-count')
    if (count !== undefined && !/^\+?[1-9]\d*$/.test(count)) {
      say('Must supply a positive value for max_number')
      return 127
    }
    // This release reads every row that an earlier one wrote.
    say(drawTable(['Migration', 'Total Needed', 'Completed'], []))
    return 0
  },
}

export const DATABASE_COMMANDS: Readonly<Record<string, ManageCommand>> = {
  'db sync': sync,
  'db version': version,
  'db archive_deleted_rows': archive,
  'db purge': purge,
  'db online_data_migrations': onlineDataMigrations,
  'api_db sync': { ...sync, help: 'the same: one database holds what Nova spreads over two' },
  'api_db version': version,
}
