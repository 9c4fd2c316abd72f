/** `nova-manage db sync|version` and `api_db sync|version`: one database holds what Nova spreads over two. */
import { parseArgs } from 'node:util'
import { ConfigError } from '#config/index.ts'
import type { Database } from '#db/kit/index.ts'
import { UsageError } from '../arguments.ts'
import { novaVersion, openNovaDatabase, syncNova } from '../services/database.ts'
import { loadServiceSettings } from '../services/settings.ts'

const HELP = `nova-manage [--config-file FILE] [--config-dir DIR] COMMAND

  db sync, api_db sync         bring the tables up to date
  db version, api_db version   print the version of the tables

Both name the same tables: those of [database] connection, or of [api_database] where only that is set.`

const USAGE = 2
const GROUPS = new Set(['db', 'api_db'])

const COMMANDS: Readonly<Record<string, (db: Database) => Promise<void>>> = {
  sync: syncNova,
  version: async (db) => console.log(await novaVersion(db)),
}

/** Yields the exit code. */
export async function novaManage(args: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = readArguments(args)
    const [group = '', name = ''] = positionals
    if (values.help || group === '') {
      console.log(HELP)
      return values.help ? 0 : USAGE
    }
    const run = GROUPS.has(group) && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (!run || positionals.length > 2)
      throw new UsageError(`there is no command '${positionals.join(' ')}'\n\n${HELP}`)
    const files = { files: values['config-file'] ?? [], directories: values['config-dir'] ?? [] }
    const { config, warnings } = await loadServiceSettings(files, process.env)
    for (const warning of warnings) console.error(`warning: ${warning}`)
    const db = openNovaDatabase(config)
    try {
      await run(db)
    } finally {
      await db.close()
    }
    return 0
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof ConfigError)) throw error
    console.error(`nova-manage: ${error.message}`)
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
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
