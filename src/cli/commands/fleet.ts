/** `kilonova fleet up|down|status`: every service as a process of its own on this machine, with PostgreSQL and RabbitMQ. */
import { join, resolve } from 'node:path'
import { helpOf, parseArguments, UsageError, wholeNumber } from '../arguments.ts'
import {
  factsOf,
  type FleetFacts,
  fleetDown,
  fleetStatus,
  fleetUp,
  type FleetOptions,
} from '../fleet/fleet.ts'
import { FULL_SHAPE, SMALLEST_SHAPE } from '../fleet/plan.ts'
import type { Launch } from '../main.ts'
import { drawTable } from '../placement/table.ts'
import { setUp } from '../setup/set-up.ts'
import { thisMachine } from '../this-machine.ts'
import { chooseDriver } from '../up/machine-abilities.ts'
import { buildTinyImage } from '../up/tiny-image.ts'

const SPECS = {
  'state-dir': { value: 'DIR', default: '.kilonova-fleet', help: 'where everything is kept' },
  port: { value: 'N', default: '18774', help: 'port of the compute API; about thirty after it are used too' },
  driver: {
    value: 'qemu|simulated',
    help: 'with a compute of real guests, or without; qemu where it is installed',
  },
  computes: { value: 'N', default: String(FULL_SHAPE.computes), help: 'how many simulated computes' },
  smallest: { help: 'one process of each service, one simulated compute' },
  erase: { help: 'with down: remove all that was kept, too' },
  help: { help: 'this text' },
} as const

const USAGE = 2
const MAX_FIRST_PORT = 65_400
const MAX_COMPUTES = 64
const HELP = `npm run fleet -- up|down|status [options]

  up       start what does not run: PostgreSQL, RabbitMQ, the stand-ins, every service
  status   say what runs and what is ready; 0 when all is
  down     stop everything; the next up finds the same servers

What port, driver, computes and smallest say counts at the first up of a directory.

${helpOf(SPECS)}`

type Given = ReturnType<typeof parseArguments<typeof SPECS>>
type Command = (given: Given, options: FleetOptions, launch: Launch) => Promise<number>

const COMMANDS: Readonly<Record<string, Command>> = {
  async up(given, options, launch) {
    const machine = thisMachine()
    await setUp(['fleet'], machine)
    const facts = factsOf(options.stateDir) ?? (await newFacts(given))
    const { computeUrl } = await fleetUp(options, facts, async () => {
      await setUp(['image'], machine)
      return buildTinyImage(launch.root, launch.cache, machine)
    })
    console.log(`ready: ${computeUrl}\n
  export OS_CLIENT_CONFIG_FILE=${options.stateDir}/clouds.yaml OS_CLOUD=kilonova
  openstack server create --image tiny --flavor m1.nano --network private --wait s1

Logs: ${join(options.stateDir, 'log')}, configuration: ${join(options.stateDir, 'etc')}`)
    return 0
  },
  async status(_given, options) {
    const facts = factsOf(options.stateDir)
    if (!facts) throw new UsageError(`there is no fleet in ${options.stateDir}`)
    const states = await fleetStatus(options, facts)
    const rows = states.map(({ name, pid, state }) => [name, String(pid ?? ''), state])
    console.log(drawTable(['process', 'pid', 'state'], rows))
    return states.every(({ state }) => state === 'ready' || state === 'running') ? 0 : 1
  },
  async down(given, options) {
    const facts = factsOf(options.stateDir)
    if (!facts) throw new UsageError(`there is no fleet in ${options.stateDir}`)
    await fleetDown(options, facts, given.erase)
    console.log(
      given.erase
        ? 'Everything is stopped and erased.'
        : 'Everything is stopped. The next up finds the same servers.',
    )
    return 0
  },
}

/** Yields the exit code. */
export async function fleet(args: readonly string[], launch: Launch): Promise<number> {
  try {
    const [name = '', ...rest] = args
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    const isHelp = name === '--help' || name === ''
    const given = parseArguments(SPECS, isHelp ? [] : rest)
    if (isHelp || given.help) {
      console.log(HELP)
      return name === '' ? USAGE : 0
    }
    if (!command) throw new UsageError(`there is no command '${name}'\n\n${HELP}`)
    const launcher = join(launch.root, 'bin', 'kilonova.mjs')
    const say = (line: string): void => console.log(line)
    return await command(given, { stateDir: resolve(given['state-dir']), launcher, say }, launch)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`kilonova fleet: ${error.message}`)
    return USAGE
  }
}

async function newFacts({ port, driver, computes, smallest }: Given): Promise<FleetFacts> {
  if (driver !== undefined && driver !== 'qemu' && driver !== 'simulated')
    throw new UsageError(`--driver ${driver}: qemu or simulated was expected`)
  return {
    firstPort: wholeNumber('port', port, 1, MAX_FIRST_PORT),
    shape: smallest
      ? SMALLEST_SHAPE
      : { ...FULL_SHAPE, computes: wholeNumber('computes', computes, 0, MAX_COMPUTES) },
    driver: smallest ? 'simulated' : await chooseDriver(driver, true, thisMachine()),
  }
}
