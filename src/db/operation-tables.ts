/** The tables of long operations and of the commands they send to computes, as Kysely sees them. */

export interface OperationsTable {
  id: string
  saga: string
  instance_uuid: string
  request_id: string
  /** JSON of the request's context. */
  context: string
  params: string
  /** JSON of the saga's progress; null when nothing was done yet. */
  progress: string | null
  status: string
  cancelled: number
  /** Counts wake-ups, so that one that comes while the operation is about to park is not missed. */
  wakes: number
  wake_at: number
  lease_owner: string | null
  lease_until: number
  created_at: number
  updated_at: number
  finished_at: number | null
}

export interface CommandsTable {
  id: string
  operation_id: string
  instance_uuid: string
  host: string
  kind: string
  request_id: string
  guest: string
  args: string
  deadline: number
  /** `pending`, `done`, or `withdrawn` when its operation no longer wants it. */
  status: string
  outcome: string | null
  created_at: number
  finished_at: number | null
}
