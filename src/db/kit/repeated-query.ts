/**
 * A prepared statement that was run before on the same connection: what its rows look like is known and not asked
 * again, and the beginning of its transaction goes with it, so that both cost one round trip.
 *
 * It builds on the inside of `pg`'s own query, of which this page names what it uses.
 */
import type { ClientBase, Query } from 'pg'

/** A connection's messages, as `pg` writes them. */
interface Wire {
  readonly parsedStatements: Readonly<Record<string, string | undefined>>
  parse(message: { readonly text: string }): void
  bind(message: object): void
  execute(message: object): void
  describe(message: object): void
}

/** What a result knows of its rows before they come. */
interface Shape {
  readonly fields: unknown
  readonly _parsers: unknown
  readonly _prebuiltEmptyResultObject: unknown
}

interface Named {
  readonly name: string
  readonly text: string
  readonly values: unknown[]
}

interface PgQuery {
  readonly name: string
  callback: (error: Error | null, result: unknown) => void
  readonly _result: Shape
  _accumulateRows: boolean
  prepare(wire: Wire): void
  handleCommandComplete(message: object, wire: Wire): void
  handleError(error: Error, wire: Wire): void
  handleReadyForQuery(wire: Wire): void
}

export interface RepeatedQueries {
  /** Whether the server has parsed the statement on this connection; only then may a beginning go with it. */
  isParsed(name: string): boolean
  /** Runs it, after the statement `begins` if that is given. */
  run(query: Named, begins: string | undefined): Promise<unknown>
}

/** For one connection. `PgQueryClass` is `pg`'s, which is loaded only where it is used; `submit` is the client's own `query`. */
export function createRepeatedQueries(
  client: ClientBase,
  PgQueryClass: typeof Query,
  submit: (query: unknown) => unknown,
): RepeatedQueries {
  const { connection } = client as unknown as { readonly connection: Wire }
  const undescribed: Wire = Object.assign(Object.create(connection) as Wire, { describe() {} })
  // A prepared statement's columns never change: it fails where they would.
  const shapes = new Map<string, Shape>()
  const Base = PgQueryClass as unknown as new (query: Named) => PgQuery

  class RepeatedQuery extends Base {
    #begins: string | undefined
    #failed = false

    constructor(query: Named, begins: string | undefined) {
      super(query)
      this.#begins = begins
    }

    override prepare(wire: Wire): void {
      if (this.#begins !== undefined) {
        wire.parse({ text: this.#begins })
        wire.bind({})
        wire.execute({})
      }
      const shape = shapes.get(this.name)
      if (shape === undefined || !isParsed(this.name)) return super.prepare(wire)
      Object.assign(this._result, shape)
      this._accumulateRows = true
      super.prepare(undescribed)
    }

    override handleCommandComplete(message: object, wire: Wire): void {
      if (this.#begins === undefined) super.handleCommandComplete(message, wire)
      this.#begins = undefined
    }

    /** Also of what could not be sent at all, of which no row was described. */
    override handleError(error: Error, wire: Wire): void {
      this.#failed = true
      super.handleError(error, wire)
    }

    override handleReadyForQuery(wire: Wire): void {
      if (!this.#failed && !shapes.has(this.name)) {
        const { fields, _parsers, _prebuiltEmptyResultObject } = this._result
        shapes.set(this.name, { fields, _parsers, _prebuiltEmptyResultObject })
      }
      super.handleReadyForQuery(wire)
    }
  }

  const isParsed = (name: string): boolean => connection.parsedStatements[name] !== undefined
  return {
    isParsed,
    run: (named, begins) =>
      new Promise((resolve, reject) => {
        const query = new RepeatedQuery(named, begins)
        query.callback = (error, result) => (error ? reject(error) : resolve(result))
        submit(query)
      }),
  }
}
