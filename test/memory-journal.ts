/** A saga journal in memory, for tests of the runner itself: transactions are serial and all or nothing. */
import {
  type Ending,
  type Entry,
  type Journal,
  type Leased,
  LeaseLost,
  type Progress,
  type SagaTypes,
} from '#lib/saga/index.ts'

/** Pieces of a test's world that a transaction may change: put back when it fails. */
export interface Rollback {
  /** Remembers how to take a change back. */
  undo(change: () => void): void
}

interface Row {
  readonly id: string
  readonly saga: string
  readonly subject: string
  readonly params: unknown
  progress: Progress | null
  ending: Ending | null
  wakeAt: number
  wakes: number
  cancelled: boolean
  owner: string | null
  leaseUntil: number
}

export type MemoryTypes = SagaTypes & { readonly Trx: Rollback }

export class MemoryJournal<T extends MemoryTypes> implements Journal<T> {
  readonly rows = new Map<string, Row>()
  #last: Promise<unknown> = Promise.resolve()

  insert(id: string, saga: string, params: unknown): void {
    const row = {
      id,
      saga,
      subject: `subject-of-${id}`,
      params,
      progress: null,
      ending: null,
      wakeAt: 0,
      wakes: 0,
    }
    this.rows.set(id, { ...row, cancelled: false, owner: null, leaseUntil: 0 })
  }

  row(id: string): Row {
    const row = this.rows.get(id)
    if (!row) throw new Error(`no operation ${id}`)
    return row
  }

  wake(id: string): void {
    const row = this.row(id)
    row.wakes++
    row.wakeAt = 0
  }

  cancel(id: string): void {
    this.row(id).cancelled = true
    this.wake(id)
  }

  breakLeases(): void {
    for (const row of this.rows.values()) row.owner = null
  }

  async claim(request: Parameters<Journal<T>['claim']>[0]): Promise<Leased<T['Context']>[]> {
    const due = [...this.rows.values()].filter(
      (row) =>
        row.ending === null &&
        request.sagas.includes(row.saga) &&
        row.wakeAt <= request.now &&
        (row.owner === null || row.leaseUntil < request.now),
    )
    return due.slice(0, request.limit).map((row) => {
      row.owner = request.owner
      row.leaseUntil = request.leaseUntil
      const { id, saga, subject, params, progress, cancelled, wakes } = structuredClone(row)
      return { id, saga, subject, params, progress, cancelled, wakes, requestId: `req-${id}`, context: null }
    })
  }

  async renew(owner: string, ids: readonly string[], leaseUntil: number): Promise<ReadonlySet<string>> {
    const held = ids.filter((id) => this.row(id).owner === owner)
    for (const id of held) this.row(id).leaseUntil = leaseUntil
    return new Set(held)
  }

  async release(owner: string, id: string): Promise<void> {
    const row = this.row(id)
    if (row.owner === owner) Object.assign(row, { owner: null, wakeAt: 0 })
  }

  transaction<R>(work: (trx: T['Trx']) => Promise<R>): Promise<R> {
    const run = this.#last.then(async () => {
      const changes: (() => void)[] = []
      try {
        return await work({ undo: (change) => void changes.push(change) })
      } catch (error) {
        for (const change of changes.reverse()) change()
        throw error
      }
    })
    this.#last = run.catch(() => undefined)
    return run
  }

  async save(
    trx: T['Trx'],
    owner: string,
    id: string,
    entry: Entry,
  ): Promise<{ cancelled: boolean; wakes: number }> {
    const row = this.row(id)
    if (row.owner !== owner) throw new LeaseLost(id)
    const before = { ...row }
    trx.undo(() => Object.assign(row, before))
    row.progress = JSON.parse(JSON.stringify(entry.progress)) as Progress
    if (entry.status === 'ended') Object.assign(row, { ending: entry.ending, owner: null })
    if (entry.status === 'parked')
      Object.assign(row, { owner: null, wakeAt: row.wakes === entry.wakesSeen ? entry.wakeAt : 0 })
    return { cancelled: row.cancelled, wakes: row.wakes }
  }

  /** Set by a test that takes the database away. */
  isAway: (error: unknown) => boolean = () => false
}
