/** The options of `kilonova up`. */
import { resolve } from 'node:path'
import { helpOf, parseArguments, UsageError, wholeNumber } from '../arguments.ts'

const MAX_PORT = 65_535
const MAX_HOSTS = 10_000

const SPECS = {
  port: { value: 'N', default: '8774', help: 'port of the cloud; 0 picks a free one' },
  host: { value: 'ADDRESS', default: '127.0.0.1', help: 'address to listen on' },
  listen: { value: 'ADDRESS', help: 'the same as --host' },
  'state-dir': { value: 'DIR', default: '.kilonova', help: 'where everything is kept' },
  driver: { value: 'qemu|simulated', help: 'real guests or simulated ones; qemu where it is installed' },
  hosts: { value: 'N', default: '1', help: 'how many computes, fake-1 to fake-N, with the simulated driver' },
  'ready-file': { value: 'FILE', help: 'write one JSON line there when the cloud answers' },
  'config-file': { value: 'FILE', multiple: true, help: 'nova.conf to read' },
  'config-dir': { value: 'DIR', multiple: true, help: 'read its *.conf after the files' },
  reset: { help: 'erase the state directory first: servers, images, users, passwords' },
  verbose: { help: 'log debug lines, and say how long each part of the start takes' },
  help: { help: 'this text' },
} as const

export type DriverName = 'qemu' | 'simulated'

export interface UpArguments {
  readonly port: number
  readonly host: string
  /** Absolute. */
  readonly stateDir: string
  /** Undefined: whatever the machine can. */
  readonly driver: DriverName | undefined
  readonly hosts: number
  readonly readyFile: string | undefined
  readonly configFiles: readonly string[]
  readonly configDirs: readonly string[]
  readonly reset: boolean
  readonly verbose: boolean
  readonly help: boolean
}

export const upHelp = (): string =>
  `npm start -- [options]      (kilonova up [options])\n\nRuns a whole cloud in one process, on one port.\n\n${helpOf(SPECS)}`

/** Reads the arguments; throws `UsageError`. */
export function readUpArguments(args: readonly string[]): UpArguments {
  const given = parseArguments(SPECS, args)
  const { driver } = given
  if (driver !== undefined && driver !== 'qemu' && driver !== 'simulated')
    throw new UsageError(`--driver ${driver}: qemu or simulated was expected`)
  const hosts = wholeNumber('hosts', given.hosts, 1, MAX_HOSTS)
  if (hosts > 1 && driver === 'qemu')
    throw new UsageError('--hosts is for the simulated driver: a machine is one QEMU host')
  return {
    port: wholeNumber('port', given.port, 0, MAX_PORT),
    host: given.listen ?? given.host,
    stateDir: resolve(given['state-dir']),
    // Several hosts on one machine can only be simulated ones.
    driver: driver ?? (hosts > 1 ? 'simulated' : undefined),
    hosts,
    readyFile: given['ready-file'] === undefined ? undefined : resolve(given['ready-file']),
    configFiles: given['config-file'].map((path) => resolve(path)),
    configDirs: given['config-dir'].map((path) => resolve(path)),
    reset: given.reset,
    verbose: given.verbose,
    help: given.help,
  }
}
