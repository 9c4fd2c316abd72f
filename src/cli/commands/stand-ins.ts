/** `kilonova stand-ins`: Keystone, Glance, Neutron and Cinder for a fleet without an OpenStack around it, in one process. */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ConfigError } from '#config/index.ts'
import { helpOf, parseArguments, UsageError, wholeNumber } from '../arguments.ts'
import { startStandIns } from '../services/stand-ins-process.ts'
import { loadServiceSettings } from '../services/settings.ts'
import { listenForStop } from '../up/stopping.ts'
import { thisMachine } from '../this-machine.ts'

const SPECS = {
  'state-dir': {
    value: 'DIR',
    default: '.kilonova',
    help: 'where passwords, users, images and networks are kept',
  },
  host: { value: 'ADDRESS', default: '127.0.0.1', help: 'address to listen on' },
  port: { value: 'N', default: '5000', help: 'port to listen on' },
  'compute-url': {
    value: 'URL',
    default: 'http://127.0.0.1:8774/v2.1',
    help: 'the compute API, for the catalog',
  },
  'placement-url': { value: 'URL', default: 'http://127.0.0.1:8778', help: 'Placement, for the catalog' },
  simulated: { help: 'guests are simulated: no networks are set up' },
  'config-file': {
    value: 'FILE',
    multiple: true,
    help: 'nova.conf to read: where metadata is served, and its secret',
  },
  'config-dir': { value: 'DIR', multiple: true, help: 'read its *.conf after the files' },
  help: { help: 'this text' },
} as const

const USAGE = 2
const MAX_PORT = 65_535

/** Runs until a signal; yields the exit code. */
export async function standIns(args: readonly string[]): Promise<number> {
  try {
    const given = parseArguments(SPECS, args)
    if (given.help) {
      console.log(`kilonova stand-ins [options]\n\n${helpOf(SPECS)}`)
      return 0
    }
    const stateDir = resolve(given['state-dir'])
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
    const files = { files: given['config-file'], directories: given['config-dir'] }
    const { config, warnings } = await loadServiceSettings(files, process.env)
    for (const warning of warnings) console.error(`warning: ${warning}`)
    const stopping = listenForStop((line) => console.error(line))
    const running = await startStandIns({
      config,
      stateDir,
      database: `sqlite://${join(stateDir, 'stand-ins.sqlite')}`,
      host: given.host,
      port: wholeNumber('port', given.port, 1, MAX_PORT),
      computeUrl: given['compute-url'],
      placementUrl: given['placement-url'],
      driver: given.simulated ? 'simulated' : 'qemu',
      isRoot: thisMachine().uid === 0,
    })
    console.log(`stand-ins: listening at ${running.url}`)
    await stopping.asked
    await running.stop()
    stopping.dispose()
    return 0
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof ConfigError)) throw error
    console.error(`kilonova stand-ins: ${error.message}`)
    return USAGE
  }
}
