/** The command line: which commands there are, and which one is meant. */
import { isFault } from '#lib/fault.ts'
import { messageOf, reasonOf } from '#lib/undo.ts'
import { fullPath } from './setup/set-up.ts'

/** What the launcher hands over. */
export interface Launch {
  /** The checkout, or the installed package. */
  readonly root: string
  /** A folder for what can be made again. */
  readonly cache: string
  /** When the first process was launched, in milliseconds since the epoch. */
  readonly launchedAt: number
}

interface CliCommand {
  readonly summary: string
  /** Runs with the arguments after the command's name; yields the exit code. */
  readonly run: (args: readonly string[], launch: Launch) => Promise<number>
}

/** The services that run by themselves, with what is loaded only when one of them is meant. */
const SERVICE_COMMANDS = [
  ['nova-api', 'run the compute API, configured by nova.conf'],
  ['nova-conductor', 'run a conductor'],
  ['nova-scheduler', 'run a scheduler'],
  ['nova-compute', 'run the guests of this host'],
  ['nova-novncproxy', 'run the proxy of VNC consoles'],
  ['nova-metadata', 'run what tells guests about themselves'],
] as const

const COMMANDS: Readonly<Record<string, CliCommand>> = {
  up: {
    summary: 'run a whole cloud in this process',
    run: async (args, launch) => (await import('./commands/up.ts')).up(args, launch),
  },
  ...Object.fromEntries(
    SERVICE_COMMANDS.map(([name, summary]) => [
      name,
      {
        summary,
        run: async (args) => (await import('./commands/service.ts')).service(name, args),
      } satisfies CliCommand,
    ]),
  ),
  'nova-manage': {
    summary: 'tables, archived rows and allocations, by hand',
    run: async (args) => (await import('./commands/nova-manage.ts')).novaManage(args),
  },
  'nova-policy': {
    summary: 'tell which policy rules a user passes',
    run: async (args) => (await import('./commands/nova-policy.ts')).novaPolicy(args),
  },
  doctor: {
    summary: 'look at all that the services of a nova.conf need, and say how to mend it',
    run: async (args) => (await import('./commands/doctor.ts')).doctor(args),
  },
  'placement-api': {
    summary: 'run the Placement service, configured by placement.conf',
    run: async (args) => (await import('./commands/placement-api.ts')).placementApi(args),
  },
  'placement-manage': {
    summary: "bring Placement's tables up to date, mend old rows",
    run: async (args) => (await import('./commands/placement-manage.ts')).placementManage(args),
  },
  'placement-status': {
    summary: "check that Placement's tables are fit for this release",
    run: async (args) => (await import('./commands/placement-status.ts')).placementStatus(args),
  },
  'stand-ins': {
    summary: 'run Keystone, Glance, Neutron and Cinder, small but real',
    run: async (args) => (await import('./commands/stand-ins.ts')).standIns(args),
  },
  fleet: {
    summary: 'run every service as a process of its own on this machine: fleet up, down, status',
    run: async (args, launch) => (await import('./commands/fleet.ts')).fleet(args, launch),
  },
  test: {
    summary: 'set up what tests need and run them all, or those whose paths are given',
    run: async (args, launch) => (await import('./commands/test.ts')).test(args, launch),
  },
  check: {
    summary: 'types, lint, format, layers, sizes, dead code',
    run: async (_args, launch) => (await import('./commands/check.ts')).check(launch),
  },
  parity: {
    summary: "compare with Nova's published facts, where they are at hand",
    run: async (args, launch) => (await import('./commands/scripts.ts')).parity(args, launch),
  },
  fuzz: {
    summary: 'nonsense for every route of the compute API: fuzz --requests 100000',
    run: async (args, launch) => (await import('./commands/scripts.ts')).fuzz(args, launch),
  },
  crash: {
    summary: 'kill the cloud at random moments and see that it settles',
    run: async (args, launch) => (await import('./commands/scripts.ts')).crash(args, launch),
  },
  simulate: {
    summary: 'play a cloud on a virtual clock, with every trouble there is: simulate --seeds 2000',
    run: async (args, launch) => (await import('./commands/scripts.ts')).simulate(args, launch),
  },
  chaos: {
    summary:
      'kill the processes of a fleet, its broker and its database, and see that it settles: chaos --minutes 10',
    run: async (args, launch) => (await import('./commands/scripts.ts')).chaos(args, launch),
  },
  differential: {
    summary:
      'the same requests to ours and to the real services: differential placement, differential compute',
    run: async (args, launch) => (await import('./commands/scripts.ts')).differential(args, launch),
  },
  interop: {
    summary: 'ours and the real services together: nova-on-our-placement, our-cloud-on-real-placement',
    run: async (args, launch) => (await import('./commands/scripts.ts')).interop(args, launch),
  },
  bench: {
    summary: 'measure: bench first',
    run: async (args, launch) => (await import('./commands/scripts.ts')).bench(args, launch),
  },
}

function usage(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length))
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  return `kilonova COMMAND [arguments]\n\n${lines.join('\n')}\n\nkilonova COMMAND --help tells more of one.`
}

/** Runs a command line; yields the exit code. A usage mistake is 2, a failure 1. */
export async function main(args: readonly string[], launch: Launch): Promise<number> {
  const [name = '', ...rest] = args
  process.env['PATH'] = fullPath(process.env['PATH'])
  if (name === '' || name === 'help' || name === '--help' || name === '-h') {
    console.log(usage())
    return name === '' ? 2 : 0
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command) {
    console.error(`kilonova: there is no command '${name}'\n\n${usage()}`)
    return 2
  }
  try {
    return await command.run(rest, launch)
  } catch (error) {
    // A fault was worded for clients: why it came about is for the operator.
    console.error(`kilonova ${name}: ${isFault(error) ? reasonOf(error) : messageOf(error)}`)
    if (process.env['KILONOVA_DEBUG']) console.error(error)
    return 1
  }
}
