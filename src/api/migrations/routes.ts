/** Migrations: moves of servers between hosts, a project's own or (for admins) all. */
import { limitOf, markerOf, type Route, serve, type Services } from '#api/kernel/index.ts'
import {
  findMigration,
  listMigrations as readMigrations,
  type MigrationFilters,
} from '#db/instance-migrations.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, forbidden } from '#lib/fault.ts'
import { type Accepted, readBoolean, readDateTime } from '#lib/versioned/index.ts'
import { migrationView } from './migration.view.ts'
import { listMigrations, MIGRATIONS_RULE } from './migrations.spec.ts'

type Query = Accepted<NonNullable<(typeof listMigrations)['spec']['query']>>
type On = Readonly<Record<'paged' | 'changesBefore' | 'byOwner', boolean>>

const last = (values: readonly string[] | undefined): string | undefined => values?.at(-1)

const timeOf = (values: readonly string[] | undefined): number | undefined => {
  const text = last(values)
  return text === undefined ? undefined : readDateTime(text)
}

/** What is asked for; what a version does not know yet is passed over. Hidden ones are shown to nobody. */
function filtersOf(query: Query, on: On): MigrationFilters {
  const [instanceUuid, host, source] = [
    last(query.instance_uuid),
    last(query.host),
    last(query.source_compute),
  ]
  const [status, type] = [last(query.status), last(query.migration_type)]
  const since = on.paged ? timeOf(query['changes-since']) : undefined
  const before = on.changesBefore ? timeOf(query['changes-before']) : undefined
  if (since !== undefined && before !== undefined && before < since)
    throw badRequest('The value of changes-since must be less than or equal to changes-before.')
  const userId = on.byOwner ? last(query.user_id) : undefined
  const projectId = on.byOwner ? last(query.project_id) : undefined
  return {
    hidden: false,
    ...(instanceUuid !== undefined && { instanceUuid }),
    ...(host !== undefined && { host }),
    ...(source !== undefined && { sourceCompute: source }),
    ...(status !== undefined && { statuses: [status] }),
    ...(type !== undefined && { types: [type] }),
    ...(since !== undefined && { changesSince: since }),
    ...(before !== undefined && { changesBefore: before }),
    ...(userId !== undefined && { userId }),
    ...(projectId !== undefined && { projectId }),
  }
}

export function migrationRoutes({ db, config }: Services): readonly Route[] {
  const nova = db.typed<NovaDb>()

  async function lastOf(marker: string | undefined) {
    if (marker === undefined || marker === '') return undefined
    const after = await findMigration(nova, marker)
    if (!after) throw badRequest(`Marker ${marker} could not be found.`)
    return after
  }

  return [
    serve(listMigrations, async (call) => {
      const { query, on } = call
      const asked = filtersOf(query, on)
      const showHosts = call.may(`${MIGRATIONS_RULE}:host`)
      if (!showHosts && (asked.host !== undefined || asked.sourceCompute !== undefined))
        call.enforce(`${MIGRATIONS_RULE}:host`)
      const own = call.context.projectId ?? ''
      const all = call.may(`${MIGRATIONS_RULE}:all_projects`)
      if (!all && asked.projectId !== undefined && asked.projectId !== own)
        throw forbidden(`Policy doesn't allow ${MIGRATIONS_RULE}:all_projects to be performed.`)
      const filters = { ...asked, ofLiving: true, ...(!all && { projectId: own }) }
      const limit = on.paged ? limitOf(query, config.maxLimit) : undefined
      const after = on.paged ? await lastOf(markerOf(query)) : undefined
      const wantsHidden = readBoolean(last(query.hidden) ?? '') === true
      const found = wantsHidden
        ? []
        : await readMigrations(nova, filters, {
            ...(limit !== undefined && { limit }),
            ...(after && { after }),
          })
      const render = call.render(migrationView)
      const context = { links: call.links, showHosts }
      const rows = on.paged ? found : found.toReversed()
      const end = limit !== undefined && limit > 0 && found.length === limit ? found.at(-1) : undefined
      return {
        body: {
          migrations: rows.map((migration) => render(migration, context)),
          ...(end && { migrations_links: call.links.next('os-migrations', end.uuid) }),
        },
      }
    }),
  ]
}
