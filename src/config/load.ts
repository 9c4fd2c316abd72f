/** Loads the configuration: gathers what was given, replaces references, converts, and says all that is wrong at once. */
import { convert, Unfit } from './convert.ts'
import type { Fact, OptionDeclaration } from './declaration.ts'
import { type Config, declared, groupNames, optionsOf } from './groups.ts'
import { gather, type Gathered, type Given, type Sources } from './sources.ts'
import { substitute } from './substitute.ts'
import { explainUnknown } from './unknown.ts'

/** The configuration cannot be used; `problems` has a line for each thing wrong. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the configuration is wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

export interface Loaded {
  readonly config: Config
  /** Unknown and deprecated options, one line each. */
  readonly warnings: readonly string[]
}

/**
 * Loads from `sources`; `facts` are the defaults that only the machine knows.
 * Throws `ConfigError` for any value that does not fit its option, with where it stands and what was expected.
 */
export async function loadConfig(sources: Sources, facts: Readonly<Record<Fact, string>>): Promise<Loaded> {
  const gathered = gather(sources)
  const resolver = new Resolver(gathered, facts)
  const groups: Record<string, Record<string, unknown>> = {}
  for (const group of groupNames()) {
    const values: Record<string, unknown> = {}
    for (const [name, option] of Object.entries(optionsOf(group)))
      values[name] = resolver.value(group, name, option)
    groups[group] = values
  }
  const problems = [...gathered.problems, ...resolver.problems]
  if (problems.length > 0) throw new ConfigError(problems)
  const warnings = [...gathered.warnings, ...resolver.warnings]
  for (const { group, name, where } of gathered.unknown)
    warnings.push(`${where}: ${await explainUnknown(group, name)}`)
  return { config: groups as unknown as Config, warnings }
}

class Resolver {
  readonly problems: string[] = []
  readonly warnings: string[] = []
  readonly #gathered: Gathered
  readonly #facts: Readonly<Record<Fact, string>>
  /** The options whose texts are being resolved: one that comes again refers to itself. */
  readonly #open = new Set<string>()

  constructor(gathered: Gathered, facts: Readonly<Record<Fact, string>>) {
    this.#gathered = gathered
    this.#facts = facts
  }

  value(group: string, name: string, option: OptionDeclaration): unknown {
    const given = this.#winners(group, name)
    const known = this.#default(option)
    if (given.length === 0 && !(typeof known === 'string' && known.includes('$'))) return known
    const texts = this.#texts(group, name, given, known)
    try {
      return convert(option, texts)
    } catch (error) {
      if (!(error instanceof Unfit)) throw error
      const shown = option.secret ? '***' : JSON.stringify(texts.at(-1) ?? '')
      const where = given.at(-1)?.where ?? 'default'
      this.problems.push(`${where}: [${group}] ${name} = ${shown}: expected ${error.message}`)
      return null
    }
  }

  #default(option: OptionDeclaration): OptionDeclaration['default'] {
    return option.computed ? this.#facts[option.computed] : option.default
  }

  /** What was given with the greatest rank. */
  #winners(group: string, name: string): readonly Given[] {
    const all = this.#gathered.given.get(`${group}.${name}`) ?? []
    const best = Math.max(...all.map(({ rank }) => rank))
    return all.filter(({ rank }) => rank === best)
  }

  #texts(
    group: string,
    name: string,
    given: readonly Given[],
    known: OptionDeclaration['default'],
  ): string[] {
    const raw =
      given.length > 0 ? given.map(({ text }) => text) : [typeof known === 'object' ? '' : String(known)]
    const where = given.at(-1)?.where ?? 'default'
    this.#open.add(`${group}.${name}`)
    const texts = raw.map((text) =>
      substitute(
        text,
        (reference) => this.#refer(group, reference, where),
        (reference) =>
          this.warnings.push(
            `${where}: [${group}] ${name} refers to an unknown option ${reference}; write $$ for a dollar sign`,
          ),
      ),
    )
    this.#open.delete(`${group}.${name}`)
    return texts
  }

  /** The text of a referred option: of the same section first, then of DEFAULT. */
  #refer(fromGroup: string, reference: string, where: string): string | undefined {
    const at = reference.indexOf('.')
    const places =
      at < 0
        ? [
            [fromGroup, reference],
            ['DEFAULT', reference],
          ]
        : [[reference.slice(0, at), reference.slice(at + 1)]]
    for (const [group = '', name = ''] of places) {
      const option = declared(group, name)
      if (!option) continue
      if (this.#open.has(`${group}.${name}`)) {
        this.problems.push(`${where}: $${reference} refers to itself`)
        return ''
      }
      return this.#texts(group, name, this.#winners(group, name), this.#default(option)).at(-1) ?? ''
    }
    return undefined
  }
}
