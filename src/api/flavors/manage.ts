/** Makes, describes and removes flavors. */
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { insertFlavor, removeFlavor, updateFlavor } from '#db/flavors.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest } from '#lib/fault.ts'
import { type Accepted, isTrue } from '#lib/versioned/index.ts'
import { fullFlavor } from './flavor.view.ts'
import type { createFlavor, updateFlavor as updateSpec } from './flavors.spec.ts'
import { flavorContext } from './list.ts'

type BodyOf<O> = O extends { readonly spec: { readonly body?: infer P } } ? Accepted<NonNullable<P>> : never

export async function create(
  call: Call<BodyOf<typeof createFlavor>, unknown, never>,
  services: Services,
): Promise<Answer> {
  const { flavor: sent } = call.body
  const isPublic = sent['os-flavor-access:is_public']
  const flavor = await insertFlavor(
    services.db.typed<NovaDb>(),
    {
      flavorId: sent.id === undefined || sent.id === null ? services.ids.uuid() : String(sent.id),
      name: (sent.name ?? '').trim(),
      vcpus: Number(sent.vcpus),
      memoryMb: Number(sent.ram),
      rootGb: Number(sent.disk),
      ephemeralGb: Number(sent['OS-FLV-EXT-DATA:ephemeral'] ?? 0),
      swapMb: Number(sent.swap ?? 0),
      rxtxFactor: rxtxFactorOf(sent.rxtx_factor ?? 1),
      isPublic: isPublic === undefined || isTrue(isPublic),
      disabled: false,
      description: sent.description ?? null,
      extraSpecs: {},
    },
    { now: services.clock.now() },
  )
  return { body: { flavor: call.render(fullFlavor)(flavor, flavorContext(call)) } }
}

/** Zero is refused as a number by the schema, and here as a text. */
function rxtxFactorOf(sent: number | string): number {
  const factor = Number(sent)
  if (factor > 0) return factor
  throw badRequest("Invalid input received: 'rxtx_factor' argument must be a float between 0 and 3.40282e+38")
}

export async function update(
  call: Call<BodyOf<typeof updateSpec>, unknown, never>,
  services: Services,
): Promise<Answer> {
  const flavor = await updateFlavor(
    services.db.typed<NovaDb>(),
    call.params.id ?? '',
    { description: call.body.flavor.description },
    { now: services.clock.now() },
  )
  return { body: { flavor: call.render(fullFlavor)(flavor, flavorContext(call)) } }
}

export async function remove(call: Call<unknown, unknown, never>, { db }: Services): Promise<Answer> {
  await removeFlavor(db.typed<NovaDb>(), call.params.id ?? '')
  return {}
}
