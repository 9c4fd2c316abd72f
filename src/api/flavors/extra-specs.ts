/** A flavor's extra specs. */
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { getFlavor, removeFlavorExtraSpec, setFlavorExtraSpecs } from '#db/flavors.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, notFound } from '#lib/fault.ts'
import { checkExtraSpecs } from './known-extra-specs.ts'
import { visibleTo } from './list.ts'

type Specs = Readonly<Record<string, string | number>>

const asText = (specs: Specs): Record<string, string> =>
  Object.fromEntries(Object.entries(specs).map(([key, value]) => [key, String(value)]))

const flavorOf = (call: Call<unknown, unknown, never>, { db }: Services) =>
  getFlavor(db.typed<NovaDb>(), call.params.flavor_id ?? '', visibleTo(call))

export async function list(call: Call<unknown, unknown, never>, services: Services): Promise<Answer> {
  const flavor = await flavorOf(call, services)
  return { body: { extra_specs: flavor.extraSpecs } }
}

export async function show(call: Call<unknown, unknown, never>, services: Services): Promise<Answer> {
  const flavor = await flavorOf(call, services)
  const key = call.params.id ?? ''
  const value = flavor.extraSpecs[key]
  if (value === undefined) throw notFound(`Flavor ${flavor.flavorId} has no extra specs with key ${key}.`)
  return { body: { [key]: value } }
}

export async function create(
  call: Call<{ readonly extra_specs: Specs }, unknown, 'valuesChecked'>,
  services: Services,
): Promise<Answer> {
  const specs = asText(call.body.extra_specs)
  if (call.on.valuesChecked) checkExtraSpecs(specs)
  const flavor = await flavorOf(call, services)
  await setFlavorExtraSpecs(services.db.typed<NovaDb>(), flavor.id, specs)
  return { body: { extra_specs: specs } }
}

export async function update(
  call: Call<Specs, unknown, 'valuesChecked'>,
  services: Services,
): Promise<Answer> {
  const specs = asText(call.body)
  if (!Object.hasOwn(specs, call.params.id ?? '')) throw badRequest('Request body and URI mismatch')
  if (call.on.valuesChecked) checkExtraSpecs(specs)
  const flavor = await flavorOf(call, services)
  await setFlavorExtraSpecs(services.db.typed<NovaDb>(), flavor.id, specs)
  return { body: specs }
}

export async function remove(call: Call<unknown, unknown, never>, services: Services): Promise<Answer> {
  const flavor = await flavorOf(call, services)
  await removeFlavorExtraSpec(services.db.typed<NovaDb>(), flavor, call.params.id ?? '')
  return {}
}
