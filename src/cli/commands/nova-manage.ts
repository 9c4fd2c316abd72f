/** `nova-manage`: what an operator does by hand. Words, options and exit codes are those of Nova's own. */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { type Config, ConfigError } from '#config/index.ts'
import type { Database } from '#db/kit/index.ts'
import { systemClock } from '#lib/clock.ts'
import { createHttpClient } from '#lib/http/index.ts'
import { messageOf, reasonOf } from '#lib/undo.ts'
import { createPlacementUpkeep } from '#neighbours/placement/index.ts'
import { UsageError } from '../arguments.ts'
import { CELL_COMMANDS } from '../manage/cell-commands.ts'
import type { Given, Ground, ManageCommand } from '../manage/command.ts'
import { DATABASE_COMMANDS } from '../manage/database-commands.ts'
import { PLACEMENT_COMMANDS } from '../manage/placement-commands.ts'
import { openNovaDatabase } from '../services/database.ts'
import { placementSession } from '../services/neighbours.ts'
import { loadServiceSettings } from '../services/settings.ts'

const COMMANDS: Readonly<Record<string, ManageCommand>> = {
  ...DATABASE_COMMANDS,
  ...CELL_COMMANDS,
  ...PLACEMENT_COMMANDS,
}

const FILES = {
  'config-file': { type: 'string', multiple: true },
  'config-dir': { type: 'string', multiple: true },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options']

const USAGE = 2
const FAILED = 255

/** Where its words go. */
export interface Words {
  say(line: string): void
  complain(line: string): void
}

const TERMINAL: Words = {
  say: (line) => console.log(line),
  complain: (line) => console.error(line),
}

/** Yields the exit code. */
export async function novaManage(args: readonly string[], words: Words = TERMINAL): Promise<number> {
  const { say, complain } = words
  try {
    const named = wordsOf(args)
    const name = named.slice(0, 2).join(' ')
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (!command) {
      if (named.length === 0 || args.includes('--help') || args.includes('-h')) {
        say(help())
        return named.length === 0 && !args.includes('--help') && !args.includes('-h') ? USAGE : 0
      }
      throw new UsageError(`there is no command '${named.join(' ')}'\n\n${help()}`)
    }
    const { values, positionals } = read(args, { ...command.options, ...FILES })
    if (values.help) {
      say(helpOf(name, command))
      return 0
    }
    const files = { files: values['config-file'] ?? [], directories: values['config-dir'] ?? [] }
    const { config, warnings } = await loadServiceSettings(files, process.env)
    for (const warning of warnings) complain(`warning: ${warning}`)
    return await run(command, config, { values: values as Given['values'], rest: positionals.slice(2) }, say)
  } catch (error) {
    if (error instanceof UsageError || error instanceof ConfigError) {
      complain(`nova-manage: ${error.message}`)
      return USAGE
    }
    complain(`An error has occurred:\n${reasonOf(error)}`)
    if (process.env['KILONOVA_DEBUG']) console.error(error)
    return FAILED
  }
}

async function run(
  command: ManageCommand,
  config: Config,
  given: Given,
  say: (line: string) => void,
): Promise<number> {
  let database: Database | undefined
  const http = createHttpClient()
  const ground: Ground = {
    config,
    database: () => (database ??= openNovaDatabase(config)),
    placement: () =>
      createPlacementUpkeep({ http, session: placementSession(config, { http, clock: systemClock }) }),
    now: () => systemClock.now(),
    sleep: async (ms) => {
      await delay(ms)
    },
    say,
  }
  try {
    return await command.run(ground, given)
  } finally {
    await http.close()
    await database?.close()
  }
}

/** The words that are no options and no options' values. */
function wordsOf(args: readonly string[]): readonly string[] {
  const all = Object.assign({}, ...Object.values(COMMANDS).map(({ options }) => options), FILES)
  return parseArgs({ args: [...args], options: all, allowPositionals: true, strict: false }).positionals
}

function read<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error })
  }
}

function help(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length))
  const lines = Object.entries(COMMANDS).map(([name, command]) => `  ${name.padEnd(width)}  ${command.help}`)
  return `nova-manage [--config-file FILE] [--config-dir DIR] COMMAND [options]\n\n${lines.join('\n')}`
}

const helpOf = (name: string, { help: text, options = {} }: ManageCommand): string =>
  [
    `nova-manage ${name}: ${text}`,
    '',
    ...Object.entries(options).map(
      ([option, { type }]) => `  --${option}${type === 'string' ? ' VALUE' : ''}`,
    ),
  ].join('\n')
