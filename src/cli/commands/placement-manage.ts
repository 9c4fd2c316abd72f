/** `placement-manage db sync|version|stamp|online_data_migrations`, with the exit codes of Placement's own. */
import { parseArgs } from 'node:util'
import { ConfigError } from '#config/index.ts'
import type { Database } from '#db/kit/index.ts'
import { systemClock } from '#lib/clock.ts'
import { messageOf } from '#lib/undo.ts'
import { DATA_MIGRATIONS, stampTables, syncTables, tablesVersion } from '#placement/index.ts'
import { UsageError } from '../arguments.ts'
import { loadPlacementSettings, openPlacementDatabase } from '../placement/settings.ts'
import { drawTable } from '../placement/table.ts'

const HELP = `placement-manage [--config-file FILE] [--config-dir DIR] db COMMAND

  sync                                   bring the tables up to date
  version                                print the version of the tables
  stamp VERSION                          write down that the tables have this version
  online_data_migrations [--max-count N] mend old rows, beside a running service

Exit codes of online_data_migrations: 0 nothing left, 1 some were mended and more may be left (--max-count),
2 some failed and none was mended, 127 bad input.`

const USAGE = 2
const FAILED = 2
const MORE = 1
const BAD_COUNT = 127
const BATCH = 50

interface Given {
  readonly command: string
  readonly rest: readonly string[]
  readonly maxCount: string | undefined
}

type Command = (db: Database, given: Given) => Promise<number>

const COMMANDS: Readonly<Record<string, Command>> = {
  async sync(db) {
    await syncTables(db)
    return 0
  },
  async version(db) {
    console.log(await tablesVersion(db))
    return 0
  },
  async stamp(db, { rest: [version = ''] }) {
    if (!/^\d+$/.test(version)) throw new UsageError('stamp VERSION: a number was expected')
    await stampTables(db, Number(version), systemClock.now())
    return 0
  },
  online_data_migrations: (db, { maxCount }) => migrateData(db, maxCount),
}

/** Yields the exit code. */
export async function placementManage(args: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = readArguments(args)
    const [group, command = '', ...rest] = positionals
    if (values.help || group === undefined || (group === 'db' && command === '')) {
      console.log(HELP)
      return values.help || group === 'db' ? 0 : 1
    }
    const run = group === 'db' && Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined
    if (!run) throw new UsageError(`there is no command '${[group, command].join(' ').trim()}'\n\n${HELP}`)
    const files = { files: values['config-file'] ?? [], directories: values['config-dir'] ?? [] }
    const { config } = await loadPlacementSettings(files, process.env)
    const db = openPlacementDatabase(config)
    try {
      return await run(db, { command, rest, maxCount: values['max-count'] })
    } finally {
      await db.close()
    }
  } catch (error) {
    const isUsage = error instanceof UsageError || error instanceof ConfigError || error instanceof RangeError
    if (!isUsage) throw error
    console.error(`placement-manage: ${error.message}`)
    return USAGE
  }
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'config-file': { type: 'string', multiple: true },
        'config-dir': { type: 'string', multiple: true },
        'max-count': { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error })
  }
}

interface Tally {
  found: number
  done: number
}

/** In batches until nothing is left, or one batch of at most `--max-count`. */
async function migrateData(db: Database, maxCount: string | undefined): Promise<number> {
  const isLimited = maxCount !== undefined
  const limit = isLimited ? (/^[+]?[1-9]\d*$/.test(maxCount) ? Number(maxCount) : 0) : BATCH
  if (limit === 0) {
    console.log('Must supply a positive value for max_count')
    return BAD_COUNT
  }
  if (!isLimited) console.log(`Running batches of ${BATCH} until complete`)
  const tallies = new Map<string, Tally>(DATA_MIGRATIONS.map(({ name }) => [name, { found: 0, done: 0 }]))
  let batch = await runBatch(db, limit, tallies)
  if (!isLimited) while (batch.done > 0) batch = await runBatch(db, limit, tallies)
  const rows = [...tallies].map(([name, { found, done }]) => [name, String(found), String(done)])
  console.log(drawTable(['Migration', 'Total Found', 'Completed'], rows))
  if (batch.failed && !(isLimited && batch.done > 0)) {
    console.log('Some migrations failed unexpectedly. Check log for details.')
    return FAILED
  }
  return batch.done > 0 ? MORE : 0
}

interface Batch {
  readonly done: number
  readonly failed: boolean
}

async function runBatch(db: Database, limit: number, tallies: ReadonlyMap<string, Tally>): Promise<Batch> {
  let done = 0
  let failed = false
  for (const migration of DATA_MIGRATIONS) {
    if (done >= limit) break
    try {
      const result = await migration.run(db, limit - done, systemClock.now())
      if (result.found > 0)
        console.log(`${result.found} rows matched query ${migration.name}, ${result.done} migrated`)
      const tally = tallies.get(migration.name)
      if (tally) {
        tally.found += result.found
        tally.done += result.done
      }
      done += result.done
    } catch (error) {
      console.log(`Error attempting to run ${migration.name}`)
      console.error(error)
      failed = true
    }
  }
  return { done, failed }
}
