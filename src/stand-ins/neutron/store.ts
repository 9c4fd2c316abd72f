/** Resources and claims in the database. Every function works inside a transaction as well as outside. */
import type { ExpressionBuilder, Kysely } from 'kysely'
import { compiledOnce } from '#db/kit/index.ts'
import { conflict } from '#lib/fault.ts'
import type { NeutronTables } from './migrations.ts'
import { type Documents, type KindName, KINDS, searchColumns } from './documents.ts'
import { forget, remembered } from './remembered.ts'

export type NeutronDb = Kysely<NeutronTables>

export interface Search {
  readonly ids?: readonly string[]
  readonly projectIds?: readonly string[]
  readonly parentIds?: readonly string[]
  readonly linkIds?: readonly string[]
  readonly names?: readonly string[]
  /** Only what this project may see. */
  readonly visibleTo?: string
}

type Where = ExpressionBuilder<NeutronTables, 'neutron_resources'>

/** What a project sees beside what is its own. */
const ALSO_VISIBLE: { readonly [K in KindName]?: (eb: Where, projectId: string) => ReturnType<Where['or']> } =
  {
    network: (eb) => eb.or([eb('openness', '>', 0)]),
    subnet: (eb) =>
      eb.or([
        eb(
          'parent_id',
          'in',
          networksWhere(eb, (inner) => inner('openness', '=', 2)),
        ),
      ]),
    port: (eb, projectId) =>
      eb.or([
        eb(
          'parent_id',
          'in',
          networksWhere(eb, (inner) => inner('project_id', '=', projectId)),
        ),
      ]),
  }

const networksWhere = (eb: Where, condition: (inner: Where) => ReturnType<Where['and']>) =>
  eb
    .selectFrom('neutron_resources')
    .select('id')
    .where('kind', '=', 'network')
    .where((inner) => condition(inner))

/** SQLite takes at most 32766 parameters a statement. */
const MAX_LISTED = 10_000

/** Many ports are made on few of these. */
const REMEMBERED: ReadonlySet<KindName> = new Set(['network', 'subnet', 'security_group'])

/** The documents that fit, in the order of their ids. */
export function listDocs<K extends KindName>(
  db: NeutronDb,
  kind: K,
  search: Search = {},
): Promise<Documents[K][]> {
  const read = (): Promise<Documents[K][]> => readDocs(db, kind, search)
  return REMEMBERED.has(kind) ? remembered(db, `${kind} ${JSON.stringify(search)}`, read) : read()
}

async function readDocs<K extends KindName>(db: NeutronDb, kind: K, search: Search): Promise<Documents[K][]> {
  const lists = [
    ['id', search.ids],
    ['project_id', search.projectIds],
    ['parent_id', search.parentIds],
    ['link_id', search.linkIds],
    ['name', search.names],
  ] as const
  if (lists.some(([, values]) => values?.length === 0)) return []
  const rows = await db
    .selectFrom('neutron_resources')
    .select('body')
    .where('kind', '=', kind)
    .where((eb) => {
      const conditions: ReturnType<typeof eb.and>[] = []
      for (const [column, values] of lists)
        if (values && values.length <= MAX_LISTED) conditions.push(eb.and([eb(column, 'in', values)]))
      if (search.visibleTo !== undefined) conditions.push(visible(eb, kind, search.visibleTo))
      return eb.and(conditions)
    })
    .orderBy('id')
    .execute()
  return rows.map((row) => JSON.parse(row.body) as Documents[K])
}

function visible(eb: Where, kind: KindName, projectId: string): ReturnType<Where['or']> {
  const own = eb('project_id', '=', projectId)
  const also = ALSO_VISIBLE[kind]?.(eb, projectId)
  return eb.or(also ? [own, also] : [own])
}

export async function findDoc<K extends KindName>(
  db: NeutronDb,
  kind: K,
  id: string,
): Promise<Documents[K] | undefined> {
  return (await listDocs(db, kind, { ids: [id] }))[0]
}

export async function countDocs(db: NeutronDb, kind: KindName, projectId: string): Promise<number> {
  const row = await db
    .selectFrom('neutron_resources')
    .select((eb) => eb.fn.countAll().as('n'))
    .where('kind', '=', kind)
    .where('project_id', '=', projectId)
    .executeTakeFirst()
  return Number(row?.n ?? 0)
}

/** How many of each kind a project has; of some kinds none. */
export async function countAllDocs(db: NeutronDb, projectId: string): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('neutron_resources')
    .select(['kind', (eb) => eb.fn.countAll().as('n')])
    // Kinds are the index' first column: each of them is looked up.
    .where('kind', 'in', KINDS)
    .where('project_id', '=', projectId)
    .groupBy('kind')
    .execute()
  return new Map(rows.map(({ kind, n }) => [kind, Number(n)]))
}

export async function insertDoc<K extends KindName>(
  db: NeutronDb,
  kind: K,
  doc: Documents[K],
): Promise<void> {
  if (REMEMBERED.has(kind)) forget(db)
  const { id, project_id, name, revision_number: revision } = doc
  const body = JSON.stringify(doc)
  await inserting(db, {}, { id, kind, project_id, name, revision, body, ...searchColumns(kind, doc) })
}

const inserting = compiledOnce((db: NeutronDb, _form: object, row: NeutronTables['neutron_resources']) =>
  db.insertInto('neutron_resources').values(row),
)

/** Writes a changed document, whose revision counts one up. Refuses when somebody else changed it meanwhile. */
export async function updateDoc<K extends KindName>(
  db: NeutronDb,
  kind: K,
  current: Documents[K],
  changes: Partial<Documents[K]>,
  updatedAt: string,
): Promise<Documents[K]> {
  if (REMEMBERED.has(kind)) forget(db)
  const doc = { ...current, ...changes, revision_number: current.revision_number + 1, updated_at: updatedAt }
  const result = await db
    .updateTable('neutron_resources')
    .set({
      name: doc.name,
      project_id: doc.project_id,
      revision: doc.revision_number,
      body: JSON.stringify(doc),
      ...searchColumns(kind, doc),
    })
    .where('id', '=', current.id)
    .where('revision', '=', current.revision_number)
    .executeTakeFirst()
  if (result.numUpdatedRows === 1n) return doc
  throw conflict(`${kind} ${current.id} was changed by another request at the same time.`, {
    code: 'StaleData',
  })
}

/** Removes a resource and all that it holds. */
export async function removeDoc(db: NeutronDb, id: string): Promise<void> {
  forget(db)
  await db.deleteFrom('neutron_claims').where('owner_id', '=', id).execute()
  await db.deleteFrom('neutron_resources').where('id', '=', id).execute()
}

/** Takes `value` of `scope` for an owner; false when somebody has it. */
export async function claim(db: NeutronDb, scope: string, value: string, ownerId: string): Promise<boolean> {
  return (await claiming(db, {}, { scope, value, owner_id: ownerId })).length === 1
}

const claiming = compiledOnce((db: NeutronDb, _form: object, row: NeutronTables['neutron_claims']) =>
  db
    .insertInto('neutron_claims')
    .values(row)
    .onConflict((oc) => oc.columns(['scope', 'value']).doNothing())
    .returning('owner_id'),
)

export async function unclaim(db: NeutronDb, scope: string, value: string, ownerId: string): Promise<void> {
  await db
    .deleteFrom('neutron_claims')
    .where('scope', '=', scope)
    .where('value', '=', value)
    .where('owner_id', '=', ownerId)
    .execute()
}

export async function ownerOf(db: NeutronDb, scope: string, value: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('neutron_claims')
    .select('owner_id')
    .where('scope', '=', scope)
    .where('value', '=', value)
    .executeTakeFirst()
  return row?.owner_id
}

/** The claimed values of a scope from `first` to `last`, both included, in their order. */
export async function claimedBetween(
  db: NeutronDb,
  scope: string,
  first: string,
  last: string,
): Promise<string[]> {
  return (await claimedIn(db, {}, { scope, first, last })).map((row) => row.value)
}

const claimedIn = compiledOnce(
  (db: NeutronDb, _form: object, { scope, first, last }: { scope: string; first: string; last: string }) =>
    db
      .selectFrom('neutron_claims')
      .select('value')
      .where('scope', '=', scope)
      .where('value', '>=', first)
      .where('value', '<=', last)
      .orderBy('value'),
)

export async function ownersIn(db: NeutronDb, scope: string): Promise<string[]> {
  const rows = await db
    .selectFrom('neutron_claims')
    .select('owner_id')
    .distinct()
    .where('scope', '=', scope)
    .execute()
  return rows.map((row) => row.owner_id)
}
