/** A server's tags. */
import { getServer } from '#api/instances/index.ts'
import { type Answer, type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { modifyInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, conflict, notFound } from '#lib/fault.ts'
import { repr } from '#lib/versioned/index.ts'
import { type Instance, TAGGABLE_VM_STATES } from '#model/instance/index.ts'
import * as spec from './server-parts.spec.ts'

type AnyCall = Call<unknown, unknown, never>
type Tags = readonly string[]

const RULE = 'os_compute_api:os-server-tags'
const MAX_TAGS = 50
const MAX_LENGTH = 60

/** Changes the tags to what `next` makes of them. `what` is Nova's name of the change, told in its 409. */
async function change(
  call: AnyCall,
  services: Services,
  { rule, what }: { rule: string; what: string },
  next: (now: Tags, instance: Instance) => Tags,
): Promise<Instance> {
  const { uuid } = await getServer(call, services, `${RULE}:${rule}`)
  return modifyInstance(services.db.typed<NovaDb>(), uuid, { now: services.clock.now() }, (instance) => {
    if (!TAGGABLE_VM_STATES.includes(instance.vmState))
      throw conflict(`Cannot '${what}' instance ${uuid} while it is in vm_state ${instance.vmState}`)
    return { tags: next(instance.tags, instance) }
  })
}

function checkTag(tag: string): void {
  if (tag.length > MAX_LENGTH)
    throw badRequest(`Tag '${tag}' is too long. Maximum length of a tag is ${MAX_LENGTH}`)
  if (!/^[^,/]+$/.test(tag)) {
    const why = `Validation error message: ${repr(tag)} does not match '^[^,/]*$'`
    throw badRequest(
      `Tag '${tag}' is invalid. It must be a non empty string without characters '/' and ','. ${why}`,
    )
  }
}

async function add(call: AnyCall, services: Services): Promise<Answer> {
  const tag = call.params['id'] ?? ''
  checkTag(tag)
  let isNew = false
  const instance = await change(call, services, { rule: 'update', what: 'update tag' }, (now) => {
    isNew = !now.includes(tag)
    if (!isNew) return now
    if (now.length >= MAX_TAGS)
      throw badRequest(`The number of tags exceeded the per-server limit ${MAX_TAGS}`)
    return [...now, tag]
  })
  const location = `${call.links.self('servers', instance.uuid)}/tags/${encodeURIComponent(tag)}`
  return isNew ? { status: 201, headers: { location } } : {}
}

export const tagRoutes = (services: Services): readonly Route[] => [
  serve(spec.listTags, async (call) => {
    const { tags } = await getServer(call, services, `${RULE}:index`)
    return { body: { tags } }
  }),
  serve(spec.showTag, async (call) => {
    const { uuid, tags } = await getServer(call, services, `${RULE}:show`)
    const tag = call.params['id'] ?? ''
    if (!tags.includes(tag)) throw notFound(`Server ${uuid} has no tag '${tag}'`)
    return {}
  }),
  serve(spec.replaceTags, async (call) => {
    const { tags } = await change(call, services, { rule: 'update_all', what: 'update tags' }, () => [
      ...new Set(call.body.tags),
    ])
    return { body: { tags } }
  }),
  serve(spec.addTag, (call) => add(call, services)),
  serve(spec.removeTags, async (call) => {
    await change(call, services, { rule: 'delete_all', what: 'delete tags' }, () => [])
    return {}
  }),
  serve(spec.removeTag, async (call) => {
    const tag = call.params['id'] ?? ''
    await change(call, services, { rule: 'delete', what: 'delete tag' }, (now, { uuid }) => {
      if (!now.includes(tag)) throw notFound(`Instance ${uuid} has no tag '${tag}'`)
      return now.filter((other) => other !== tag)
    })
    return {}
  }),
]
