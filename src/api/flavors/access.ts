/** Which projects may use a private flavor. */
import { type Answer, type Call, requireProject, type Services } from '#api/kernel/index.ts'
import { getFlavor, insertFlavorProject, listFlavorProjects, removeFlavorProject } from '#db/flavors.ts'
import type { NovaDb } from '#db/schema.ts'
import { conflict, notFound } from '#lib/fault.ts'
import type { Flavor } from '#model/flavor/index.ts'

interface Tenant {
  readonly tenant: string
}

async function accessOf({ db }: Services, flavor: Flavor): Promise<Answer> {
  const projects = await listFlavorProjects(db.typed<NovaDb>(), flavor.id)
  return {
    body: { flavor_access: projects.map((project) => ({ flavor_id: flavor.flavorId, tenant_id: project })) },
  }
}

export async function list(call: Call<unknown, unknown, never>, services: Services): Promise<Answer> {
  const flavor = await getFlavor(services.db.typed<NovaDb>(), call.params.flavor_id ?? '')
  if (flavor.isPublic) throw notFound('Access list not available for public flavors.')
  return accessOf(services, flavor)
}

export async function add(
  call: Call<{ readonly addTenantAccess: Tenant }, unknown, 'publicRefused'>,
  services: Services,
): Promise<Answer> {
  const db = services.db.typed<NovaDb>()
  const { tenant } = call.body.addTenantAccess
  await requireProject(services.projects, tenant)
  const flavor = await getFlavor(db, call.params.id ?? '')
  if (flavor.isPublic && call.on.publicRefused) throw conflict('Can not add access to a public flavor.')
  await insertFlavorProject(db, flavor, tenant)
  return accessOf(services, flavor)
}

export async function remove(
  call: Call<{ readonly removeTenantAccess: Tenant }, unknown, never>,
  services: Services,
): Promise<Answer> {
  const db = services.db.typed<NovaDb>()
  const flavor = await getFlavor(db, call.params.id ?? '')
  await removeFlavorProject(db, flavor, call.body.removeTenantAccess.tenant)
  return accessOf(services, flavor)
}
