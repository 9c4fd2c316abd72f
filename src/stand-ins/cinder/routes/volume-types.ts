/** Volume types: what kinds of volumes there are, and for whom. */
import { badRequest, conflict, type Fault, notFound } from '#lib/fault.ts'
import { type Caller, requireAdmin } from '../caller.ts'
import { noType } from '../faults.ts'
import { findType, listTypes } from '../store.ts'
import { DEFAULT_TYPE, type TypeRow } from '../tables.ts'
import { textsOf, typeView } from '../views.ts'
import { bodyOf, type Call, flagOf, metadataOf, type Reply, type Routes, textOf } from './context.ts'

/** Types that are not public are for admins: there are no lists of who else has access. */
export const mayUse = (caller: Caller, type: TypeRow): boolean => caller.isAdmin || type.is_public === 1

/** Without `is_public` the public types are meant, with `None` all of them. */
function askedFor(isPublic = 'true'): (type: TypeRow) => boolean {
  const text = isPublic.toLowerCase()
  if (text === 'none') return () => true
  if (!/^(true|false|[01tfyn]|yes|no|on|off)$/.test(text))
    throw badRequest(`Invalid is_public filter [${isPublic.slice(0, 64)}]`)
  const wanted = Number(/^(true|1|t|y|yes|on)$/.test(text))
  return (type) => type.is_public === wanted
}

const noSpec = (id: string, key: string): Fault =>
  notFound(`Volume Type ${id} has no extra specs with key ${key}.`)

export function addTypeRoutes(routes: Routes): void {
  const { on, store, ids } = routes
  const seeType = async ({ caller, params }: Call): Promise<TypeRow> => {
    const { id = '' } = params
    const type = await findType(store.db, id === 'default' ? DEFAULT_TYPE : id)
    if (!type || !mayUse(caller, type)) throw noType(id)
    return type
  }
  const setSpecs = (id: string, specs: Readonly<Record<string, string>>) =>
    store.db
      .updateTable('cinder_type')
      .set({ extra_specs: JSON.stringify(specs) })
      .where('id', '=', id)
      .execute()
  on('GET', '/types', async ({ caller, query }) => {
    const isAsked = askedFor(query['is_public'])
    const rows = (await listTypes(store.db)).filter((row) => mayUse(caller, row) && isAsked(row))
    return { body: { volume_types: rows.map((row) => typeView(row, caller)) } }
  })
  on('GET', '/types/:id', async (call) => ({
    body: { volume_type: typeView(await seeType(call), call.caller) },
  }))
  on('POST', '/types', async (call) => {
    requireAdmin(call.caller, 'volume_extension:types_manage')
    const body = bodyOf(call, 'volume_type')
    const name = textOf(body, 'name')
    if (name === null || name === '') throw badRequest('Volume type name can not be empty.')
    const isPublic =
      body['os-volume-type-access:is_public'] === undefined || flagOf(body, 'os-volume-type-access:is_public')
    const row: TypeRow = {
      id: ids.uuid(),
      name,
      description: textOf(body, 'description'),
      is_public: Number(isPublic),
      extra_specs: JSON.stringify(metadataOf(body, 'extra_specs')),
    }
    await store.transaction(async (trx) => {
      if (await findType(trx, name)) throw conflict(`Volume Type ${name} already exists.`)
      await trx.insertInto('cinder_type').values(row).execute()
    })
    return { body: { volume_type: typeView(row, call.caller) } }
  })
  on('PUT', '/types/:id', (call) => change(routes, call, seeType))
  on('DELETE', '/types/:id', async (call) => {
    requireAdmin(call.caller, 'volume_extension:types_manage')
    const { id, name } = await seeType(call)
    if (name === DEFAULT_TYPE) throw badRequest('The __DEFAULT__ volume type cannot be deleted.')
    const used = await store.db
      .selectFrom('cinder_volume')
      .select('id')
      .where('volume_type_id', '=', id)
      .executeTakeFirst()
    if (used) throw badRequest('Target volume type is still in use.')
    await store.db.deleteFrom('cinder_type').where('id', '=', id).execute()
    return { status: 202 }
  })
  // No type is encrypted.
  on('GET', '/types/:id/encryption', async (call) => {
    requireAdmin(call.caller, 'volume_extension:volume_type_encryption:get')
    await seeType(call)
    return { body: {} }
  })
  on('GET', '/types/:id/extra_specs', async (call) => ({
    body: { extra_specs: textsOf((await seeType(call)).extra_specs) },
  }))
  on('POST', '/types/:id/extra_specs', async (call) => {
    requireAdmin(call.caller, 'volume_extension:types_extra_specs:create')
    const { id, extra_specs: own } = await seeType(call)
    const more = metadataOf({ extra_specs: bodyOf(call, 'extra_specs') }, 'extra_specs')
    await setSpecs(id, { ...textsOf(own), ...more })
    return { body: { extra_specs: more } }
  })
  on('GET', '/types/:id/extra_specs/:key', async (call) => {
    const { key = '' } = call.params
    const { id, extra_specs: own } = await seeType(call)
    const value = textsOf(own)[key]
    if (value === undefined) throw noSpec(id, key)
    return { body: { [key]: value } }
  })
  on('PUT', '/types/:id/extra_specs/:key', async (call) => {
    requireAdmin(call.caller, 'volume_extension:types_extra_specs:update')
    const { key = '' } = call.params
    const { id, extra_specs: own } = await seeType(call)
    const specs = metadataOf({ specs: call.body }, 'specs')
    if (Object.keys(specs).length !== 1 || specs[key] === undefined)
      throw badRequest('Request body and URI mismatch')
    await setSpecs(id, { ...textsOf(own), ...specs })
    return { body: specs }
  })
  on('DELETE', '/types/:id/extra_specs/:key', async (call) => {
    requireAdmin(call.caller, 'volume_extension:types_extra_specs:delete')
    const { id, extra_specs: own } = await seeType(call)
    const { [call.params['key'] ?? '']: gone, ...rest } = textsOf(own)
    if (gone === undefined) throw noSpec(id, call.params['key'] ?? '')
    await setSpecs(id, rest)
    return { status: 202 }
  })
}

async function change({ store }: Routes, call: Call, see: (call: Call) => Promise<TypeRow>): Promise<Reply> {
  requireAdmin(call.caller, 'volume_extension:types_manage')
  const row = await see(call)
  const body = bodyOf(call, 'volume_type')
  const has = (field: string) => (body[field] ?? null) !== null
  if (!['name', 'description', 'is_public'].some(has))
    throw badRequest('Specify volume type name, description, is_public or a combination thereof.')
  const changed: TypeRow = {
    ...row,
    name: textOf(body, 'name')?.trim() ?? row.name,
    description: textOf(body, 'description') ?? row.description,
    is_public: has('is_public') ? Number(flagOf(body, 'is_public')) : row.is_public,
  }
  const { id, name, description, is_public } = changed
  if (name === '') throw badRequest("Invalid input for field/attribute name. Value: . '' is too short")
  await store.transaction(async (trx) => {
    const other = await findType(trx, name)
    if (other && other.id !== id) throw conflict(`Volume Type ${name} already exists.`)
    await trx.updateTable('cinder_type').set({ name, description, is_public }).where('id', '=', id).execute()
  })
  return { body: { volume_type: typeView(changed, call.caller) } }
}
