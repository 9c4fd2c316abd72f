/**
 * How an option is declared: plain data by group, from which the typed configuration, the reader's
 * checks, the sample file and the documentation are all made.
 */

interface Described {
  /** What it does, for an operator: a sentence or two. */
  readonly help: string
  /** May change while the service runs (on SIGHUP). */
  readonly mutable?: true
  /** Its value is never shown. */
  readonly secret?: true
  /** Old names, `GROUP.name`, still honoured with a warning. */
  readonly deprecatedNames?: readonly string[]
  /** The default is found at start: a fact about this machine, passed in by whoever loads. */
  readonly computed?: Fact
}

/** What only the machine can say. */
export type Fact = 'hostname' | 'hostAddress' | 'stateDirectory'

/** `host` is a host name or an address; `uri` an absolute URI. */
interface TextOption extends Described {
  readonly type: 'string' | 'uri' | 'ip' | 'host'
  readonly default: string | null
  readonly choices?: readonly string[]
  readonly pattern?: string
  readonly maxLength?: number
}

/** `size` is a number of bytes, written plainly or with K, M, G, T (powers of 1024). */
interface NumberOption extends Described {
  readonly type: 'int' | 'float' | 'port' | 'size'
  readonly default: number | null
  readonly min?: number
  readonly max?: number
  readonly choices?: readonly number[]
}

interface SwitchOption extends Described {
  readonly type: 'bool'
  readonly default: boolean | null
}

/** `list` is written with commas on one line, `multi` by repeating the option. */
interface ListOption extends Described {
  readonly type: 'list' | 'multi'
  readonly default: readonly string[]
  readonly choices?: readonly string[]
}

interface DictOption extends Described {
  readonly type: 'dict'
  readonly default: Readonly<Record<string, string>>
}

export type OptionDeclaration = TextOption | NumberOption | SwitchOption | ListOption | DictOption

export type OptionGroup = Readonly<Record<string, OptionDeclaration>>

/** Names a group's options; the literal types survive, so that values are typed by their declarations. */
export function group<const Name extends string, const Options extends OptionGroup>(
  name: Name,
  options: Options,
): { readonly [key in Name]: Options } {
  return { [name]: options } as { readonly [key in Name]: Options }
}

type Text<O> = O extends { readonly choices: readonly (infer Choice)[] } ? Choice : string

type Given<O extends OptionDeclaration> = O extends TextOption
  ? Text<O>
  : O extends NumberOption
    ? number
    : O extends SwitchOption
      ? boolean
      : O extends ListOption
        ? readonly string[]
        : Readonly<Record<string, string>>

/** The type of an option's value: null only where the default is. */
export type OptionValue<O extends OptionDeclaration> =
  | Given<O>
  | (O extends { readonly default: null; readonly computed: Fact }
      ? never
      : O extends { readonly default: null }
        ? null
        : never)

export type Values<Groups extends Readonly<Record<string, OptionGroup>>> = {
  readonly [G in keyof Groups]: { readonly [N in keyof Groups[G]]: OptionValue<Groups[G][N]> }
}
