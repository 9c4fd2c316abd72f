/** nova.conf of a service in a process of its own: where it is found, and what is next to it. */
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type Config, loadConfig } from '#config/index.ts'
import type { PolicySources } from '#policy/index.ts'
import { hostAddress } from '../up/settings.ts'

export interface GivenFiles {
  readonly files: readonly string[]
  readonly directories: readonly string[]
}

export interface ServiceSettings {
  readonly config: Config
  /** Where overrides of the policy are, or would be. */
  readonly policy: PolicySources
  /** Unknown and deprecated options, one line each. */
  readonly warnings: readonly string[]
}

const STANDARD_DIR = '/etc/nova'
const STATE_DIR = '/var/lib/nova'

/** Reads the given files, or /etc/nova/nova.conf and /etc/nova/nova.conf.d. Throws `ConfigError`. */
export async function loadServiceSettings(
  given: GivenFiles,
  environment: NodeJS.ProcessEnv,
): Promise<ServiceSettings> {
  const isGiven = given.files.length > 0 || given.directories.length > 0
  const there = (path: string): readonly string[] => (existsSync(path) ? [path] : [])
  const files = isGiven ? given.files : there(join(STANDARD_DIR, 'nova.conf'))
  const directories = isGiven ? given.directories : there(join(STANDARD_DIR, 'nova.conf.d'))
  const { config, warnings } = await loadConfig(
    { files, directories, environment },
    { hostname: hostname(), hostAddress: hostAddress(), stateDirectory: STATE_DIR },
  )
  const folders = [...files.map((file) => dirname(resolve(file))), ...directories, STANDARD_DIR]
  return { config, warnings, policy: policySources(config, folders) }
}

/** `[oslo_policy] policy_file` and `policy_dirs`: each where it is first found, or in the first folder, should it come. */
export function policySources(config: Config, folders: readonly string[]): PolicySources {
  const place = (name: string): string => {
    const places = folders.map((folder) => resolve(folder, name))
    return places.find((path) => existsSync(path)) ?? places[0] ?? resolve(name)
  }
  const { policy_file: file, policy_dirs: directories } = config.oslo_policy
  return { file: place(file), directories: directories.map(place) }
}

/** `[group] option` of each value that differs. */
export function differences(before: Config, after: Config): readonly string[] {
  const groups = Object.entries(after) as [keyof Config, Readonly<Record<string, unknown>>][]
  return groups.flatMap(([group, options]) => {
    const old = before[group] as Readonly<Record<string, unknown>>
    return Object.keys(options)
      .filter((name) => JSON.stringify(old[name]) !== JSON.stringify(options[name]))
      .map((name) => `[${group}] ${name}`)
  })
}
