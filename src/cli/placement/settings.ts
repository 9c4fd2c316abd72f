/** placement.conf: where it is found, and what the service is told from it. */
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type Config, loadConfig } from '#config/index.ts'
import { type Database, openDatabase } from '#db/kit/index.ts'
import { UsageError } from '../arguments.ts'
import { hostAddress } from '../up/settings.ts'

export interface PlacementSettings {
  readonly config: Config
  /** `[oslo_policy] policy_file`, found; undefined: nobody overrides anything. */
  readonly policyFile: string | undefined
  /** Unknown and deprecated options, one line each. */
  readonly warnings: readonly string[]
}

export interface GivenFiles {
  readonly files: readonly string[]
  readonly directories: readonly string[]
}

const STANDARD_DIR = '/etc/placement'
const NAME = 'placement.conf'

/** Reads the given files, or those where Placement looks: `$OS_PLACEMENT_CONFIG_DIR`, then /etc/placement. Throws `ConfigError`. */
export async function loadPlacementSettings(
  given: GivenFiles,
  environment: NodeJS.ProcessEnv,
): Promise<PlacementSettings> {
  const own = environment['OS_PLACEMENT_CONFIG_DIR']?.trim()
  const standard = join(own || STANDARD_DIR, NAME)
  const isGiven = given.files.length > 0 || given.directories.length > 0
  const files = isGiven ? given.files : own || existsSync(standard) ? [standard] : []
  const { config, warnings } = await loadConfig(
    { files, directories: given.directories, environment },
    { hostname: hostname(), hostAddress: hostAddress(), stateDirectory: '/var/lib/placement' },
  )
  const folders = [...files.map((file) => dirname(resolve(file))), ...given.directories, STANDARD_DIR]
  return { config, warnings, policyFile: findPolicy(config.oslo_policy.policy_file, folders) }
}

const findPolicy = (file: string, folders: readonly string[]): string | undefined =>
  folders.map((folder) => resolve(folder, file)).find((path) => existsSync(path))

/** Opens `[placement_database]`. Throws `UsageError` when none is configured. */
export function openPlacementDatabase({ placement_database: options }: Config): Database {
  if (options.connection === null) throw new UsageError('[placement_database] connection is not set')
  return openDatabase(options.connection, { maxConnections: options.max_pool_size })
}
