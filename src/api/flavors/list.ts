/** Lists flavors, and shows one. */
import { type Answer, type Call, limitOf, markerOf, type Services } from '#api/kernel/index.ts'
import {
  type FlavorFilters,
  type FlavorPage,
  type FlavorSortKey,
  getFlavor,
  listFlavors,
} from '#db/flavors.ts'
import { sharedRead } from '#db/kit/index.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest } from '#lib/fault.ts'
import { type Accepted, readBoolean, type View } from '#lib/versioned/index.ts'
import type { Flavor } from '#model/flavor/index.ts'
import { briefFlavor, type FlavorContext, fullFlavor } from './flavor.view.ts'
import type { listQuery } from './flavors.spec.ts'

type Query = Accepted<typeof listQuery>
type AnyCall = Call<unknown, unknown, never>

/** Flavors the caller may use; an admin may use all. */
export const visibleTo = (call: AnyCall) => (call.isAdmin ? {} : { visibleTo: call.context.projectId ?? '' })

/** What a flavor's view must know of the request. */
export const flavorContext = (call: AnyCall): FlavorContext => ({
  links: call.links,
  extraSpecs: call.may('os_compute_api:os-flavor-extra-specs:index'),
})

export const listBrief = (call: Call<unknown, Query, never>, services: Services) =>
  list(call, services, briefFlavor, 'flavors')

export const listDetail = (call: Call<unknown, Query, never>, services: Services) =>
  list(call, services, fullFlavor, 'flavors/detail')

async function list(
  call: Call<unknown, Query, never>,
  { db, config }: Services,
  view: View<Flavor, FlavorContext>,
  collection: string,
): Promise<Answer> {
  const limit = limitOf(call.query, config.maxLimit)
  const marker = markerOf(call.query)
  const filters = filtersOf(call)
  const page: FlavorPage = {
    sort: [
      { key: sortKeyOf(call.query), direction: call.query.sort_dir?.at(-1) === 'desc' ? 'desc' : 'asc' },
    ],
    limit,
    ...(marker !== undefined && { marker }),
  }
  const flavors = await sharedRead(db.typed<NovaDb>(), ['flavors', filters, page], (kysely) =>
    listFlavors(kysely, filters, page),
  )
  const render = call.render(view)
  const context = flavorContext(call)
  const last = flavors.at(-1)
  return {
    body: {
      flavors: flavors.map((flavor) => render(flavor, context)),
      ...(last && flavors.length === limit && { flavors_links: call.links.next(collection, last.flavorId) }),
    },
  }
}

/** Nova's names of columns that are called otherwise here. */
const SORT_KEYS: Readonly<Record<string, FlavorSortKey>> = { swap: 'swap_mb', vcpu_weight: 'id' }

function sortKeyOf(query: Query): FlavorSortKey {
  const sent = query.sort_key?.at(-1) ?? 'flavorid'
  return SORT_KEYS[sent] ?? (sent as FlavorSortKey)
}

function filtersOf(call: Call<unknown, Query, never>): FlavorFilters {
  const { query } = call
  const minRamMb = minimumOf('minRam', query.minRam)
  const minRootGb = minimumOf('minDisk', query.minDisk)
  const name = query.name?.at(-1)
  return {
    ...(call.isAdmin ? publicityOf(call, query.is_public?.at(-1)) : { ...visibleTo(call), disabled: false }),
    ...(minRamMb !== undefined && { minRamMb }),
    ...(minRootGb !== undefined && { minRootGb }),
    ...(name !== undefined && { name }),
  }
}

/** What an admin asked to see: public flavors and those of its own project, private ones, or (`none`) all. */
function publicityOf(call: AnyCall, sent: string | undefined): FlavorFilters {
  if (sent === undefined) return { visibleTo: call.context.projectId ?? '' }
  if (sent.toLowerCase() === 'none') return {}
  const isPublic = readBoolean(sent)
  if (isPublic === undefined) throw badRequest(`Invalid is_public filter [${sent}]`)
  return isPublic ? { visibleTo: call.context.projectId ?? '' } : { isPublic: false }
}

function minimumOf(name: string, sent: readonly string[] | undefined): number | undefined {
  const text = sent?.at(-1)
  if (text === undefined) return undefined
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw badRequest(`Invalid ${name} filter [${text}]`)
  return Number(text)
}

export async function show(call: AnyCall, { db }: Services): Promise<Answer> {
  const flavor = await getFlavor(db.typed<NovaDb>(), call.params.id ?? '', visibleTo(call))
  return { body: { flavor: call.render(fullFlavor)(flavor, flavorContext(call)) } }
}
