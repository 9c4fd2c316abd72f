/**
 * `nova-manage cell_v2 …`, as far as tools that set up a cloud ask for it. There is one database and one broker, and
 * whatever host reports is known at once: what would be mapped is there already, and is told so.
 */
import { listComputeNodes } from '#db/compute-nodes.ts'
import type { NovaDb } from '#db/schema.ts'
import { databaseAnswers } from '../services/database.ts'
import { drawTable } from '../placement/table.ts'
import { isSet, type ManageCommand } from './command.ts'

/** `rabbit://user:****@host/`, every password of it. */
const hideSecrets = (url: string): string => url.replaceAll(/(\/\/|,)([^:@/,]*):[^@]*@/g, '$1$2:****@')

/** The uuids that Nova gives to its first cells: cell0's is fixed there, too. */
const CELLS = [
  { name: 'cell0', uuid: '00000000-0000-0000-0000-000000000000' },
  { name: 'cell1', uuid: '00000000-0000-0000-0000-000000000001' },
] as const

const alreadyThere = (what: string): ManageCommand['run'] => {
  return async ({ database, say }) => {
    await databaseAnswers(database())
    say(what)
    return 0
  }
}

export const CELL_COMMANDS: Readonly<Record<string, ManageCommand>> = {
  'cell_v2 map_cell0': {
    help: 'nothing to do: there are no cells',
    options: { database_connection: { type: 'string' } },
    run: alreadyThere('Cell0 is already setup'),
  },
  'cell_v2 simple_cell_setup': {
    help: 'nothing to do: there are no cells',
    options: { 'transport-url': { type: 'string' } },
    run: alreadyThere('Cell0 is already setup'),
  },
  'cell_v2 discover_hosts': {
    help: 'tell which hosts there are: they are known as soon as they report; --strict: 1 when there are none',
    options: {
      cell_uuid: { type: 'string' },
      verbose: { type: 'boolean' },
      strict: { type: 'boolean' },
      'by-service': { type: 'boolean' },
    },
    async run({ database, say }, given) {
      const nodes = await listComputeNodes(database().typed<NovaDb>())
      if (isSet(given, 'verbose')) for (const { host } of nodes) say(`Host ${host} is known.`)
      return isSet(given, 'strict') && nodes.length === 0 ? 1 : 0
    },
  },
  'cell_v2 list_cells': {
    help: 'list the one cell there is, as tools that look for it expect',
    options: { verbose: { type: 'boolean' } },
    async run({ config, database, say }, given) {
      await databaseAnswers(database())
      const shown = isSet(given, 'verbose') ? (url: string) => url : hideSecrets
      const connection = shown(config.database.connection ?? config.api_database.connection ?? '')
      const transport = [shown('none:/'), shown(config.DEFAULT.transport_url)]
      const rows = CELLS.map(({ name, uuid }, n) => [name, uuid, transport[n] ?? '', connection, 'False'])
      say(drawTable(['Name', 'UUID', 'Transport URL', 'Database Connection', 'Disabled'], rows))
      return 0
    },
  },
}
