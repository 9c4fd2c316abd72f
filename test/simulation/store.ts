/**
 * The database of a simulated cloud: one SQLite in memory, and for each life a way to it that can be slow,
 * refuse, lose the answer to a commit, and be cut between any two statements.
 */
import { type DatabaseConnection, type Dialect, type Driver, Kysely, type Transaction } from 'kysely'
import { type Database, inTransaction } from '#db/kit/index.ts'
import { databaseAway } from '#db/kit/dialect.ts'
import { openSqlite, SqliteDialect } from '#db/kit/sqlite.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
import { PLACEMENT_MIGRATIONS } from '#placement/index.ts'
import type { Life } from './life.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How the database behaves at the moment. */
export interface StoreWeather {
  /** How long the next statement takes, in milliseconds; 0 is no time at all. */
  statementMs(): number
  isAway(): boolean
  /** Whether the next commit is done but not answered. */
  losesCommit(): boolean
}

export interface Store {
  /** The database as a process sees it. */
  connect(life: Life): Database
  /** The database as it is. */
  readonly truth: Database
}

/** What a store is in one run. */
export interface StoreRun {
  readonly time: VirtualTime
  readonly weather: StoreWeather
  tell(line: string): void
}

/** Opened once and emptied for each run: tables and prepared statements stay. */
export interface Storage {
  begin(run: StoreRun): Store
}

const lost = (why: string) => databaseAway(new Error(`the connection was lost ${why}`))

class LifeConnection implements DatabaseConnection {
  readonly inner: DatabaseConnection
  readonly #life: Life
  readonly #run: StoreRun
  inTransaction = false
  /** Given back, or taken away by death. */
  isOver = false
  isBroken = false

  constructor(inner: DatabaseConnection, life: Life, run: StoreRun) {
    this.inner = inner
    this.#life = life
    this.#run = run
  }

  executeQuery: DatabaseConnection['executeQuery'] = async (query) => {
    await this.step()
    if (!this.inTransaction && query.query.kind !== 'SelectQueryNode')
      this.#run.tell(`${this.#life.name} writes`)
    return this.inner.executeQuery(query)
  }

  streamQuery(): never {
    throw new Error('nothing here streams')
  }

  /** Before each statement. */
  async step(): Promise<void> {
    const [life, run] = [this.#life, this.#run]
    if (!life.cross()) return life.never()
    const ms = run.weather.statementMs()
    if (ms > 0) await run.time.sleep(ms)
    if (!life.alive) return life.never()
    if (this.isBroken || run.weather.isAway()) {
      this.isBroken = true
      throw lost('while it was used')
    }
  }
}

const own = (connection: DatabaseConnection): LifeConnection => {
  if (connection instanceof LifeConnection) return connection
  throw new Error('a connection of somebody else')
}

/** One life's way to the shared connection. */
class LifeDriver implements Driver {
  readonly #shared: Driver
  readonly #life: Life
  readonly #run: StoreRun
  readonly #open = new Set<LifeConnection>()

  constructor(shared: Driver, life: Life, run: StoreRun) {
    this.#shared = shared
    this.#life = life
    this.#run = run
    life.onCut(() => {
      for (const connection of this.#open) void this.#giveBack(connection)
    })
  }

  async init(): Promise<void> {}
  async destroy(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const [life, run] = [this.#life, this.#run]
    await life.awake()
    if (!life.cross()) return life.never()
    if (run.weather.isAway()) throw databaseAway(new Error('it refuses connections'))
    const inner = await this.#shared.acquireConnection()
    const connection = new LifeConnection(inner, life, run)
    this.#open.add(connection)
    if (life.alive) return connection
    await this.#giveBack(connection)
    return life.never()
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    const mine = own(connection)
    await mine.step()
    mine.inTransaction = true
    await this.#shared.beginTransaction(mine.inner, {})
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const mine = own(connection)
    await mine.step()
    await this.#shared.commitTransaction(mine.inner)
    mine.inTransaction = false
    this.#run.tell(`${this.#life.name} commits`)
    if (!this.#life.cross()) return this.#life.never()
    if (this.#run.weather.losesCommit()) throw lost('while it committed')
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    const mine = own(connection)
    if (!mine.inTransaction || mine.isOver) return
    mine.inTransaction = false
    await this.#shared.rollbackTransaction(mine.inner)
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    await this.#giveBack(own(connection))
  }

  async #giveBack(connection: LifeConnection): Promise<void> {
    if (connection.isOver) return
    connection.isOver = true
    this.#open.delete(connection)
    if (connection.inTransaction) await this.#shared.rollbackTransaction(connection.inner)
    await this.#shared.releaseConnection(connection.inner)
  }
}

function databaseOver(dialect: Dialect): Database {
  const kysely = new Kysely<Record<string, never>>({ dialect })
  const typed = <DB>() => kysely as unknown as Kysely<DB>
  return {
    dialect: 'sqlite',
    typed,
    migrate: async () => undefined,
    pool: () => undefined,
    transaction: <DB, T>(work: (trx: Transaction<DB>) => Promise<T>) => inTransaction(typed<DB>(), work),
    close: async () => undefined,
  }
}

/** A dialect with another driver. */
const withDriver = (dialect: Dialect, driver: () => Driver): Dialect => ({
  createDriver: driver,
  createQueryCompiler: () => dialect.createQueryCompiler(),
  createAdapter: () => dialect.createAdapter(),
  createIntrospector: (db) => dialect.createIntrospector(db),
})

export async function openStorage(): Promise<Storage> {
  const sqlite = openSqlite(undefined)
  const dialect = new SqliteDialect(sqlite)
  const shared = dialect.createDriver()
  const truth = databaseOver(withDriver(dialect, () => shared))
  await applyMigrations(truth)
  const restore = snapshotOf(sqlite)
  return {
    begin(run) {
      restore()
      return {
        truth,
        connect: (life) => databaseOver(withDriver(dialect, () => new LifeDriver(shared, life, run))),
      }
    },
  }
}

/** Remembers what is in the tables; what it gives puts them back to that. */
function snapshotOf(sqlite: ReturnType<typeof openSqlite>): () => void {
  const names = sqlite
    .prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_stat%'")
    .all()
    .map(({ name }) => String(name))
  const tables = names.map((name) => ({ name, rows: sqlite.prepare(`select * from "${name}"`).all() }))
  return () => {
    for (const { name } of tables) sqlite.exec(`delete from "${name}"`)
    for (const { name, rows } of tables)
      for (const row of rows) {
        const columns = Object.keys(row).map((column) => `"${column}"`)
        const values = columns.map(() => '?')
        sqlite
          .prepare(`insert into "${name}" (${columns.join(', ')}) values (${values.join(', ')})`)
          .run(...Object.values(row))
      }
  }
}

async function applyMigrations(db: Database): Promise<void> {
  for (const migration of [...NOVA_MIGRATIONS, ...PLACEMENT_MIGRATIONS])
    await migration.up(db.typed(), 'sqlite')
}
