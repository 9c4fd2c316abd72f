/** Regions, services and endpoints, of which catalogs are made. */
import { badRequest, forbidden } from '#lib/fault.ts'
import { Type } from '@sinclair/typebox'
import { longText, name, nullable, text } from '../body.ts'
import { missing } from '../faults.ts'
import { resource, textOf } from '../resource.ts'
import type { EndpointRow, RegionRow, ServiceRow } from '../tables.ts'
import type { Routes } from './context.ts'

const REGION_ID = /^[\w.-]{1,255}$/

const regionResource = resource<RegionRow>({
  one: 'region',
  many: 'regions',
  table: 'keystone_region',
  columns: { description: nullable(longText()), parent_region_id: nullable(text()) },
  required: [],
  hidden: { id: nullable(text()) },
  flags: [],
  filters: ['parent_region_id'],
  target: () => ({}),
  async prepare(sent, before, { store }) {
    const parent = sent.parent_region_id
    if (typeof parent === 'string') {
      const found = await store.db
        .selectFrom('keystone_region')
        .select('id')
        .where('id', '=', parent)
        .executeTakeFirst()
      if (found === undefined || parent === before?.id) throw missing('region', parent)
    }
    if (before !== undefined) return {}
    // A region's id is its name: who makes it chooses it.
    if (typeof sent.id === 'string' && sent.id !== '' && !REGION_ID.test(sent.id))
      throw badRequest('Invalid input for field/attribute region.id.')
    return {
      description: textOf(sent.description) ?? '',
      ...(typeof sent.id === 'string' && sent.id !== '' && { id: sent.id }),
    }
  },
  async remove(trx, row) {
    const used = await trx
      .selectFrom('keystone_endpoint')
      .select('id')
      .where('region_id', '=', row.id)
      .executeTakeFirst()
    const child = await trx
      .selectFrom('keystone_region')
      .select('id')
      .where('parent_region_id', '=', row.id)
      .executeTakeFirst()
    if (used !== undefined || child !== undefined)
      throw forbidden(
        `Unable to delete region ${row.id} because it or its child regions have associated endpoints.`,
      )
  },
})

const serviceResource = resource<ServiceRow>({
  one: 'service',
  many: 'services',
  table: 'keystone_service',
  columns: {
    type: name(),
    name: nullable(text()),
    description: nullable(longText()),
    enabled: Type.Boolean(),
  },
  required: ['type'],
  flags: ['enabled'],
  filters: ['type', 'name'],
  target: () => ({}),
  prepare: async (sent, before) => (before === undefined ? { enabled: Number(sent.enabled ?? true) } : {}),
  async remove(trx, row) {
    await trx.deleteFrom('keystone_endpoint').where('service_id', '=', row.id).execute()
  },
})

const endpointResource = resource<EndpointRow>({
  one: 'endpoint',
  many: 'endpoints',
  table: 'keystone_endpoint',
  columns: {
    service_id: name(64),
    region_id: nullable(text()),
    interface: Type.Union([Type.Literal('public'), Type.Literal('internal'), Type.Literal('admin')]),
    url: Type.String({
      minLength: 1,
      maxLength: 2048,
      pattern: '^(https?://|%\\(public_url\\)s|\\$\\(public_url\\)s)\\S*$',
    }),
    enabled: Type.Boolean(),
  },
  required: ['service_id', 'interface', 'url'],
  // The old name of `region_id`; a region named so is made when there is none.
  hidden: { region: nullable(text()) },
  flags: ['enabled'],
  filters: ['interface', 'service_id', 'region_id'],
  always: (row) => ({ region: row.region_id }),
  target: () => ({}),
  async prepare(sent, before, { store }) {
    const service = sent.service_id
    if (typeof service === 'string') {
      const found = await store.db
        .selectFrom('keystone_service')
        .select('id')
        .where('id', '=', service)
        .executeTakeFirst()
      if (found === undefined) throw missing('service', service)
    }
    const region = sent.region_id ?? sent.region
    if (typeof sent.region_id === 'string') {
      const found = await store.db
        .selectFrom('keystone_region')
        .select('id')
        .where('id', '=', sent.region_id)
        .executeTakeFirst()
      if (found === undefined) throw missing('region', sent.region_id)
    } else if (typeof sent.region === 'string') {
      if (!REGION_ID.test(sent.region)) throw badRequest('Invalid input for field/attribute endpoint.region.')
      const row = { id: sent.region, description: '', parent_region_id: null, extra: '{}' }
      await store.db
        .insertInto('keystone_region')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute()
    }
    return {
      ...(typeof region === 'string' && { region_id: region }),
      ...(before === undefined && { enabled: Number(sent.enabled ?? true) }),
    }
  },
})

export function addCatalogRoutes(routes: Routes): void {
  for (const each of [regionResource, serviceResource, endpointResource]) each.add(routes)
}
