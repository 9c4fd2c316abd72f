/** Command-line options as a table: parsing by node's own parser, and the help made from the same rows. */
import { parseArgs } from 'node:util'

export interface ArgumentSpec {
  /** What stands for the value in the help; a switch has none. */
  readonly value?: string
  readonly multiple?: true
  readonly default?: string
  readonly help: string
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

type Parsed<Specs extends Readonly<Record<string, ArgumentSpec>>> = {
  readonly [Name in keyof Specs]: Specs[Name] extends { readonly multiple: true }
    ? readonly string[]
    : Specs[Name] extends { readonly value: string }
      ? Specs[Name] extends { readonly default: string }
        ? string
        : string | undefined
      : boolean
}

/** Parses `args` after the table. Throws `UsageError` for what the table does not know. */
export function parseArguments<const Specs extends Readonly<Record<string, ArgumentSpec>>>(
  specs: Specs,
  args: readonly string[],
): Parsed<Specs> {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [
      name,
      {
        type: spec.value === undefined ? ('boolean' as const) : ('string' as const),
        multiple: spec.multiple ?? false,
      },
    ]),
  )
  try {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: false })
    const complete = Object.entries(specs).map(([name, spec]) => [
      name,
      values[name] ?? spec.default ?? (spec.multiple ? [] : spec.value === undefined ? false : undefined),
    ])
    return Object.fromEntries(complete) as Parsed<Specs>
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** A line for each option. */
export function helpOf(specs: Readonly<Record<string, ArgumentSpec>>): string {
  const rows = Object.entries(specs).map(([name, spec]) => {
    const left = `--${name}${spec.value === undefined ? '' : ` ${spec.value}`}`
    const right =
      spec.help + (spec.multiple ? ' (may be repeated)' : '') + (spec.default ? ` [${spec.default}]` : '')
    return [left, right] as const
  })
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}

/** A whole number within bounds, or a `UsageError` that says so. */
export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new UsageError(`--${name} ${text}: a whole number from ${min} to ${max} was expected`)
  return value
}
