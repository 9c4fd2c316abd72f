/** Flavors, their extra specs, and which projects may use the private ones. */
import { type Kysely, sql, type Transaction } from 'kysely'
import {
  compiledOnce,
  type Direction,
  dialectOf,
  inTransaction,
  isUniqueViolation,
  keysetAfter,
  keysetOrder,
  type SortColumn,
} from '#db/kit/index.ts'
import { badRequest, conflict, notFound } from '#lib/fault.ts'
import type { Flavor } from '#model/flavor/index.ts'
import type { NovaDb } from './schema.ts'

type Db = Kysely<NovaDb> | Transaction<NovaDb>

/** A flavor to be stored. */
export type NewFlavor = Omit<Flavor, 'id'>

export interface FlavorFilters {
  /** Undefined: both. */
  readonly isPublic?: boolean
  /** Public flavors and those this project was given; undefined: all. */
  readonly visibleTo?: string
  readonly minRamMb?: number
  readonly minRootGb?: number
  readonly disabled?: boolean
  /** The whole name. */
  readonly name?: string
}

/** The keys the API may sort by. */
const SORTABLE = {
  created_at: false,
  description: true,
  disabled: false,
  ephemeral_gb: false,
  flavorid: false,
  id: false,
  is_public: false,
  memory_mb: false,
  name: false,
  root_gb: false,
  rxtx_factor: false,
  swap_mb: false,
  updated_at: true,
  vcpus: false,
} as const

export type FlavorSortKey = keyof typeof SORTABLE

export interface FlavorPage {
  /** Default: by the API's id, ascending. */
  readonly sort?: readonly { readonly key: FlavorSortKey; readonly direction: Direction }[]
  /** The API's id of the last flavor of the page before. */
  readonly marker?: string
  readonly limit?: number
}

/** The flavor with this id in the API, or undefined. With `visibleTo`, only if that project may use it. */
export async function findFlavor(
  db: Db,
  flavorId: string,
  options: { readonly visibleTo?: string } = {},
): Promise<Flavor | undefined> {
  const [row] = await askOne(db, {}, { flavorId, visibleTo: options.visibleTo })
  return row && flavorOf(row)
}

/** The flavor with this id in the API; throws notFound in Nova's words. */
export async function getFlavor(
  db: Db,
  flavorId: string,
  options: { readonly visibleTo?: string } = {},
): Promise<Flavor> {
  const flavor = await findFlavor(db, flavorId, options)
  if (!flavor) throw flavorNotFound(flavorId)
  return flavor
}

const flavorNotFound = (flavorId: string) => notFound(`Flavor ${flavorId} could not be found.`)

/** A page of flavors, extra specs included, in one query (two with a marker). */
export async function listFlavors(
  db: Db,
  filters: FlavorFilters = {},
  page: FlavorPage = {},
): Promise<Flavor[]> {
  const sort = sortOf(page)
  const values: PageValues = {
    visibleTo: filters.visibleTo,
    isPublic: filters.isPublic === undefined ? undefined : Number(filters.isPublic),
    disabled: filters.disabled === undefined ? undefined : Number(filters.disabled),
    minRamMb: filters.minRamMb,
    minRootGb: filters.minRootGb,
    name: filters.name,
    limit: page.limit,
  }
  if (page.marker === undefined) return (await askPage(db, sort, values)).map(flavorOf)
  const [row] = await db.selectFrom('flavors').selectAll().where('flavorid', '=', page.marker).execute()
  if (!row) throw badRequest(`marker [${page.marker}] not found`)
  const after = keysetAfter(
    sort,
    sort.map(({ column }) => row[column as keyof typeof row]),
  )
  return (await pageOf(db, sort, values).where(after).execute()).map(flavorOf)
}

/** What a page is asked for, as the database knows it. */
type PageValues = Readonly<
  Record<'isPublic' | 'disabled' | 'minRamMb' | 'minRootGb' | 'limit', number | undefined> &
    Record<'visibleTo' | 'name', string | undefined>
>

function pageOf(db: Db, sort: readonly SortColumn[], values: PageValues) {
  const { isPublic, disabled, minRamMb, minRootGb, name, limit } = values
  let query = flavorRows(db, values)
  if (isPublic !== undefined) query = query.where('is_public', '=', isPublic)
  if (disabled !== undefined) query = query.where('disabled', '=', disabled)
  if (minRamMb !== undefined) query = query.where('memory_mb', '>=', minRamMb)
  if (minRootGb !== undefined) query = query.where('root_gb', '>=', minRootGb)
  if (name !== undefined) query = query.where('name', '=', name)
  for (const order of keysetOrder(sort)) query = query.orderBy(order)
  return limit === undefined ? query : query.limit(limit)
}

function sortOf({ sort = [] }: FlavorPage): SortColumn[] {
  const keys = sort.length > 0 ? sort : [{ key: 'flavorid' as const, direction: 'asc' as const }]
  const columns = keys.map(({ key, direction }) => ({ column: key, direction, nullable: SORTABLE[key] }))
  return [...columns, { column: 'id', direction: keys.at(-1)?.direction ?? 'asc' }]
}

/** Extra specs as one JSON object a flavor: in the words of each database. */
const SPECS = {
  sqlite: sql<string | null>`(select json_group_object(key, value order by key) from flavor_extra_specs
    where flavor_id = flavors.id)`,
  postgres: sql<string | null>`(select json_object_agg(key, value order by key)::text from flavor_extra_specs
    where flavor_id = flavors.id)`,
} as const

function flavorRows(db: Db, { visibleTo }: { readonly visibleTo?: string | undefined }) {
  const query = db.selectFrom('flavors').selectAll().select(SPECS[dialectOf(db)].as('specs'))
  if (visibleTo === undefined) return query
  const given = db.selectFrom('flavor_projects').select('flavor_id').where('project_id', '=', visibleTo)
  return query.where((eb) => eb.or([eb('is_public', '=', 1), eb('id', 'in', given)]))
}

const askPage = compiledOnce(pageOf)
const askOne = compiledOnce(
  (db: Db, _form: object, values: { readonly flavorId: string; readonly visibleTo: string | undefined }) =>
    flavorRows(db, values).where('flavorid', '=', values.flavorId),
)

type FlavorRow = Awaited<ReturnType<ReturnType<typeof flavorRows>['execute']>>[number]

const flavorOf = (row: FlavorRow): Flavor => ({
  id: row.id,
  flavorId: row.flavorid,
  name: row.name,
  vcpus: row.vcpus,
  memoryMb: row.memory_mb,
  rootGb: row.root_gb,
  ephemeralGb: row.ephemeral_gb,
  swapMb: row.swap_mb,
  rxtxFactor: row.rxtx_factor,
  isPublic: row.is_public === 1,
  disabled: row.disabled === 1,
  description: row.description,
  extraSpecs: row.specs === null ? {} : (JSON.parse(row.specs) as Record<string, string>),
})

/** Stores a flavor and, if it is private, gives it to `projects`. Throws conflict when its id or name is taken. */
export async function insertFlavor(
  db: Db,
  flavor: NewFlavor,
  options: { readonly now: number; readonly projects?: readonly string[] },
): Promise<Flavor> {
  const {
    flavorId,
    memoryMb,
    rootGb,
    ephemeralGb,
    swapMb,
    rxtxFactor,
    isPublic,
    disabled,
    extraSpecs,
    ...same
  } = flavor
  const row = {
    ...same,
    flavorid: flavorId,
    memory_mb: memoryMb,
    root_gb: rootGb,
    ephemeral_gb: ephemeralGb,
    swap_mb: swapMb,
    rxtx_factor: rxtxFactor,
    is_public: Number(isPublic),
    disabled: Number(disabled),
    created_at: options.now,
    updated_at: null,
  }
  return inTransaction(db, async (trx) => {
    // A twin in both id and name is told by its id; the databases differ in which they find first.
    if (await findFlavor(trx, flavorId)) throw conflict(`Flavor with ID ${flavorId} already exists.`)
    const { id } = await trx
      .insertInto('flavors')
      .values(row)
      .returning('id')
      .executeTakeFirstOrThrow()
      .catch((error: unknown) => refuseTwin(error, flavor))
    const specs = Object.entries(extraSpecs).map(([key, value]) => ({ flavor_id: id, key, value }))
    if (specs.length > 0) await trx.insertInto('flavor_extra_specs').values(specs).execute()
    const projects = (options.projects ?? []).map((project) => ({ flavor_id: id, project_id: project }))
    if (projects.length > 0) await trx.insertInto('flavor_projects').values(projects).execute()
    return { ...flavor, id }
  })
}

function refuseTwin(error: unknown, { flavorId, name }: NewFlavor): never {
  if (isUniqueViolation(error, 'flavorid'))
    throw conflict(`Flavor with ID ${flavorId} already exists.`, { cause: error })
  if (isUniqueViolation(error)) throw conflict(`Flavor with name ${name} already exists.`, { cause: error })
  throw error
}

/** Changes a flavor's description, the one thing that may change. Throws notFound. */
export async function updateFlavor(
  db: Db,
  flavorId: string,
  changes: Pick<Flavor, 'description'>,
  options: { readonly now: number },
): Promise<Flavor> {
  const { description } = changes
  const query = db
    .updateTable('flavors')
    .set({ description, updated_at: options.now })
    .where('flavorid', '=', flavorId)
  await query.execute()
  return getFlavor(db, flavorId)
}

/** Removes a flavor with its extra specs and access list; instances keep their copy. Throws notFound. */
export async function removeFlavor(db: Db, flavorId: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('flavors')
    .where('flavorid', '=', flavorId)
    .executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) throw flavorNotFound(flavorId)
}

/** Sets these extra specs, leaving the others. `flavor` is a flavor's `id`, not the API's. */
export async function setFlavorExtraSpecs(
  db: Db,
  flavor: number,
  specs: Readonly<Record<string, string>>,
): Promise<void> {
  const rows = Object.entries(specs).map(([key, value]) => ({ flavor_id: flavor, key, value }))
  if (rows.length === 0) return
  await db
    .insertInto('flavor_extra_specs')
    .values(rows)
    .onConflict((oc) => oc.columns(['flavor_id', 'key']).doUpdateSet({ value: sql.ref('excluded.value') }))
    .execute()
}

/** Removes one extra spec; throws notFound when the flavor has none of that name. */
export async function removeFlavorExtraSpec(
  db: Db,
  flavor: Pick<Flavor, 'id' | 'flavorId'>,
  key: string,
): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('flavor_extra_specs')
    .where('flavor_id', '=', flavor.id)
    .where('key', '=', key)
    .executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) throw notFound(`Flavor ${flavor.flavorId} has no extra specs with key ${key}.`)
}

/** The projects that were given a private flavor. */
export async function listFlavorProjects(db: Db, flavor: number): Promise<string[]> {
  const rows = await db
    .selectFrom('flavor_projects')
    .select('project_id')
    .where('flavor_id', '=', flavor)
    .orderBy('project_id')
    .execute()
  return rows.map((row) => row.project_id)
}

/** Gives a private flavor to a project; throws conflict when it has it. */
export async function insertFlavorProject(
  db: Db,
  flavor: Pick<Flavor, 'id' | 'flavorId'>,
  projectId: string,
): Promise<void> {
  const row = { flavor_id: flavor.id, project_id: projectId }
  const inserted = await db
    .insertInto('flavor_projects')
    .values(row)
    .onConflict((oc) => oc.doNothing())
    .returning('flavor_id')
    .execute()
  if (inserted.length === 0) {
    throw conflict(
      `Flavor access already exists for flavor ${flavor.flavorId} and project ${projectId} combination.`,
    )
  }
}

/** Takes a private flavor from a project; throws notFound when it did not have it. */
export async function removeFlavorProject(
  db: Db,
  flavor: Pick<Flavor, 'id' | 'flavorId'>,
  projectId: string,
): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('flavor_projects')
    .where('flavor_id', '=', flavor.id)
    .where('project_id', '=', projectId)
    .executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) {
    throw notFound(`Flavor access not found for ${flavor.flavorId} / ${projectId} combination.`)
  }
}
