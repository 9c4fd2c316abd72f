/** Quota sets: the limits of a project, or of one user in it; told, detailed, set and taken back. */
import { type Answer, type Call, requireProject, type Services } from '#api/kernel/index.ts'
import {
  removeProjectQuotas,
  removeUserQuotas,
  setProjectQuotas,
  setUserQuotas,
  sumUserQuotas,
} from '#db/quotas.ts'
import type { NovaDb } from '#db/schema.ts'
import { isTrue } from '#lib/versioned/index.ts'
import { requireWithin } from './bounds.ts'
import { byResource, defaultLimits, limitsOf, type Resource, RESOURCES } from './limits.ts'
import { quotaSetView } from './quota-set.view.ts'
import { usedOf } from './used.ts'

const RULE = 'os_compute_api:os-quota-sets'

type SetCall<Body = unknown> = Call<Body, { readonly user_id?: readonly string[] | undefined }, never>

/** Whom a request is about. The rule is asked first, then Keystone whether there is such a project. */
async function ownerOf(call: SetCall, { projects }: Services, verb: string): Promise<Owner> {
  const projectId = call.params.id ?? ''
  call.enforce(`${RULE}:${verb}`, { project_id: projectId })
  await requireProject(projects, projectId)
  return { projectId, userId: call.query.user_id?.at(-1) }
}

export async function show(call: SetCall, services: Services): Promise<Answer> {
  const owner = await ownerOf(call, services, 'show')
  const limits = await limitsOf(services, owner)
  return { body: { quota_set: call.render(quotaSetView)(limits, { id: owner.projectId }) } }
}

export async function detail(call: SetCall, services: Services): Promise<Answer> {
  const owner = await ownerOf(call, services, 'detail')
  const limits = await limitsOf(services, owner)
  const used = await usedOf(services, owner)
  const reserved = services.config.quotaDriver === 'none' ? -1 : 0
  const cells = byResource((name) => ({ limit: limits[name], in_use: used[name], reserved }))
  return { body: { quota_set: call.render(quotaSetView)(cells, { id: owner.projectId }) } }
}

export async function defaults(call: Call<unknown, unknown, never>, services: Services): Promise<Answer> {
  const id = call.params.id ?? ''
  await requireProject(services.projects, id)
  const limits = await defaultLimits(services)
  return { body: { quota_set: call.render(quotaSetView)(limits, { id }) } }
}

type Body = { readonly quota_set: Readonly<Record<string, string | number | boolean | undefined>> }

export async function update(call: SetCall<Body>, services: Services): Promise<Answer> {
  const owner = await ownerOf(call, services, 'update')
  // Where limits are not kept here, nothing is; Nova answers with what there is.
  if (services.config.quotaDriver !== 'keystone') await set(call.body.quota_set, services, owner)
  const limits = await limitsOf(services, owner)
  return { body: { quota_set: call.render(quotaSetView)(limits, { id: undefined }) } }
}

interface Owner {
  readonly projectId: string
  readonly userId: string | undefined
}

async function set({ force, ...asked }: Body['quota_set'], services: Services, owner: Owner): Promise<void> {
  const wanted = wantedLimits(asked)
  const { projectId, userId } = owner
  if (!isTrue(force as boolean | string | undefined))
    requireWithin(wanted, {
      used: await usedOf(services, owner),
      given: await sumUserQuotas(services.db.typed<NovaDb>(), projectId),
      project: await limitsOf(services, { projectId }),
      user: userId === undefined ? undefined : await limitsOf(services, owner),
    })
  await services.db.transaction<NovaDb, void>((trx) =>
    userId === undefined
      ? setProjectQuotas(trx, projectId, wanted)
      : setUserQuotas(trx, projectId, userId, wanted),
  )
}

/** The limits that a body asks for, as numbers. */
export const wantedLimits = (
  asked: Readonly<Record<string, string | number | boolean | undefined>>,
): Partial<Record<Resource, number>> =>
  Object.fromEntries(
    RESOURCES.filter((name) => asked[name] !== undefined).map((name) => [name, Number(asked[name])]),
  )

export async function remove(call: SetCall, { db, config }: Services): Promise<Answer> {
  const projectId = call.params.id ?? ''
  const userId = call.query.user_id?.at(-1)
  call.enforce(`${RULE}:delete`, { project_id: projectId })
  if (config.quotaDriver === 'keystone') return {}
  await db.transaction<NovaDb, void>((trx) =>
    userId === undefined ? removeProjectQuotas(trx, projectId) : removeUserQuotas(trx, projectId, userId),
  )
  return {}
}
