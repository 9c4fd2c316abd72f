/**
 * Statements that are compiled once for each of their forms: to build a short one and to write its text takes longer
 * than to ask it.
 */
import type { Compilable, CompiledQuery, Kysely, Transaction } from 'kysely'
import { dialectOf } from './dialect.ts'

type Db<DB> = Kysely<DB> | Transaction<DB>
type Values = Readonly<Record<string, unknown>>

/** Stands for a value where the statement is built. */
class Placeholder {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** Of a statement with more forms than this the later ones are compiled each time. */
const MOST_FORMS = 300

/**
 * A statement that `build` writes for each form it is asked in; the form is plain data, and which values are given is
 * part of it. Instead of the values `build` gets what stands for them: to be put into the statement as they are, each
 * of them at least once, and not to be looked at. Throws when one was not.
 */
export function compiledOnce<DB, F, V extends Values, R>(
  build: (db: Db<DB>, form: F, values: V) => Compilable<R>,
): (db: Db<DB>, form: F, values: V) => Promise<R[]> {
  const known = new Map<string, CompiledQuery<R>>()

  function compile(db: Db<DB>, form: F, names: readonly string[]): CompiledQuery<R> {
    const placeholders = names.map((name) => new Placeholder(name))
    const stand = Object.fromEntries(placeholders.map((each) => [each.name, each]))
    const compiled = build(db, form, stand as V).compile()
    const missing = placeholders.find((each) => !compiled.parameters.includes(each))
    if (missing) throw new Error(`${missing.name} is not a parameter of ${compiled.sql}`)
    return compiled
  }

  return async (db, form, values) => {
    const names = Object.keys(values).filter((name) => values[name] !== undefined)
    const key = JSON.stringify([dialectOf(db), form, names])
    let compiled = known.get(key)
    if (!compiled) {
      compiled = compile(db, form, names)
      if (known.size < MOST_FORMS) known.set(key, compiled)
    }
    const parameters = compiled.parameters.map((each) =>
      each instanceof Placeholder ? values[each.name] : each,
    )
    return (await db.executeQuery<R>({ ...compiled, parameters })).rows
  }
}
