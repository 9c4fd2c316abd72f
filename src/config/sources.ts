/**
 * Where values come from, gathered in the order of oslo.config: the command line over the environment over files,
 * later files over earlier ones.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { declared, groupNames, optionsOf } from './groups.ts'
import { readIni } from './ini.ts'

export interface Sources {
  /** `--config-file`, in order. A file that is not there is an error. */
  readonly files?: readonly string[]
  /** `--config-dir`: every `*.conf` in it, sorted, after the files. */
  readonly directories?: readonly string[]
  /** Of these, `OS_<GROUP>__<OPTION>` count. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** `group.option` → text: what an arrangement of the services sets where nobody says otherwise. */
  readonly defaults?: Readonly<Record<string, string>>
  /** `group.option` → text, from the command line. */
  readonly overrides?: Readonly<Record<string, string>>
}

/** A text given for an option, and where. */
export interface Given {
  readonly text: string
  /** `nova.conf:12`, `environment OS_VNC__ENABLED`, `command line`. */
  readonly where: string
  /** Greater wins; equal ranks together make a multi-valued option. */
  readonly rank: number
}

export interface Gathered {
  readonly given: ReadonlyMap<string, readonly Given[]>
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
  readonly unknown: readonly { readonly group: string; readonly name: string; readonly where: string }[]
}

const RANK = { arrangement: 0, file: 1, environment: 2, commandLine: 3 } as const

export function gather(sources: Sources): Gathered {
  const collector = new Collector()
  for (const path of [
    ...(sources.files ?? []),
    ...(sources.directories ?? []).flatMap((dir) => collector.confFiles(dir)),
  ])
    collector.file(path)
  for (const [variable, text] of Object.entries(sources.environment ?? {}))
    if (text !== undefined) collector.variable(variable, text)
  collector.takeAll(sources.defaults ?? {}, { where: 'default', rank: RANK.arrangement })
  collector.takeAll(sources.overrides ?? {}, { where: 'command line', rank: RANK.commandLine })
  return collector
}

class Collector implements Gathered {
  readonly given = new Map<string, Given[]>()
  readonly problems: string[] = []
  readonly warnings: string[] = []
  readonly unknown: { group: string; name: string; where: string }[] = []
  #oldNames: ReadonlyMap<string, readonly { group: string; name: string }[]> | undefined

  confFiles(directory: string): string[] {
    const names = this.#read(directory, () => readdirSync(directory))
    return (names ?? [])
      .filter((name) => name.endsWith('.conf'))
      .sort()
      .map((name) => join(directory, name))
  }

  file(path: string): void {
    const text = this.#read(path, () => readFileSync(path, 'utf8'))
    if (text === undefined) return
    const { assignments, problems } = readIni(text)
    for (const { line, message } of problems) this.problems.push(`${path}:${line}: ${message}`)
    const current = new Set(assignments.map(({ section, key }) => `${section}.${key}`))
    for (const { section, key, value, line } of assignments) {
      const given = { text: value, where: `${path}:${line}`, rank: RANK.file }
      this.take(section, key, given, (name) => current.has(name))
    }
  }

  variable(variable: string, text: string): void {
    const parts = /^OS_([A-Z0-9_]+?)__([A-Z0-9_]+)$/.exec(variable)
    if (!parts) return
    const group = parts[1] === 'DEFAULT' ? 'DEFAULT' : (parts[1] ?? '').toLowerCase()
    const given = { text, where: `environment ${variable}`, rank: RANK.environment }
    // Another service's variables may stand in the same environment: only our sections count.
    if (groupNames().includes(group)) this.take(group, (parts[2] ?? '').toLowerCase(), given)
  }

  takeAll(texts: Readonly<Record<string, string>>, origin: Omit<Given, 'text'>): void {
    for (const [key, text] of Object.entries(texts)) {
      const at = key.indexOf('.')
      this.take(key.slice(0, at), key.slice(at + 1), { text, ...origin })
    }
  }

  /** Files a text under its option, under its new name when it was given by an old one and that is not there too. */
  take(group: string, name: string, given: Given, isGiven: (name: string) => boolean = () => false): void {
    if (declared(group, name)) return this.#add(group, name, given)
    const heirs = this.#heirsOf(`${group}.${name}`)
    if (heirs.length === 0) this.unknown.push({ group, name, where: given.where })
    for (const heir of heirs) {
      this.warnings.push(
        `${given.where}: [${group}] ${name} is deprecated: write ${heir.name} in [${heir.group}]`,
      )
      if (!isGiven(`${heir.group}.${heir.name}`)) this.#add(heir.group, heir.name, given)
    }
  }

  #add(group: string, name: string, given: Given): void {
    const key = `${group}.${name}`
    this.given.set(key, [...(this.given.get(key) ?? []), given])
  }

  #heirsOf(oldName: string): readonly { group: string; name: string }[] {
    this.#oldNames ??= indexOldNames()
    return this.#oldNames.get(oldName) ?? []
  }

  #read<T>(path: string, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      this.problems.push(`${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  }
}

function indexOldNames(): ReadonlyMap<string, readonly { group: string; name: string }[]> {
  const index = new Map<string, { group: string; name: string }[]>()
  for (const group of groupNames())
    for (const [name, option] of Object.entries(optionsOf(group)))
      for (const old of option.deprecatedNames ?? [])
        index.set(old, [...(index.get(old) ?? []), { group, name }])
  return index
}
