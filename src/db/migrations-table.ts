/** The table of instances' migrations, as Kysely sees it. */
import type { Generated } from 'kysely'

export interface MigrationsTable {
  id: Generated<number>
  uuid: string
  instance_uuid: string
  migration_type: string
  status: string
  source_compute: string | null
  source_node: string | null
  dest_compute: string | null
  dest_node: string | null
  dest_host: string | null
  /** JSON of the whole flavors, which may be gone by the time of a revert. */
  old_flavor: string | null
  new_flavor: string | null
  user_id: string
  project_id: string
  hidden: number
  created_at: number
  updated_at: number | null
  /** When it was last touched, created included. */
  changed_at: number
}
