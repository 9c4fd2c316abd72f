/** A server's metadata, all at once or key by key. */
import { getServer } from '#api/instances/index.ts'
import { type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { quotaOf } from '#api/quotas/index.ts'
import { modifyInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, notFound } from '#lib/fault.ts'
import { type Instance, requireAllowed } from '#model/instance/index.ts'
import * as spec from './server-parts.spec.ts'

type Metadata = Readonly<Record<string, string>>
type AnyCall = Call<unknown, unknown, never>

const RULE = 'os_compute_api:server-metadata'
const noItem = () => notFound('Metadata item was not found')

/** Changes the metadata to what `next` makes of it, if the server may be changed now and quota allows. */
async function change(
  call: AnyCall,
  services: Services,
  rule: string,
  next: (now: Metadata) => Metadata,
): Promise<Instance> {
  const { uuid, projectId } = await getServer(call, services, `${RULE}:${rule}`)
  const db = services.db.typed<NovaDb>()
  const quota = await quotaOf(services, { projectId })
  const allowed = quota.limits.metadata_items
  return modifyInstance(db, uuid, { now: services.clock.now() }, (instance) => {
    requireAllowed('update_instance_metadata', instance, call)
    const metadata = next(instance.metadata)
    if (allowed >= 0 && Object.keys(metadata).length > allowed)
      throw quota.refusal(`Maximum number of metadata items exceeds ${allowed}`, [
        { resource: 'metadata_items', used: 0, delta: Object.keys(metadata).length },
      ])
    return { metadata }
  })
}

async function remove(call: AnyCall, services: Services): Promise<void> {
  const { uuid } = await getServer(call, services, `${RULE}:delete`)
  const key = call.params['id'] ?? ''
  await modifyInstance(services.db.typed<NovaDb>(), uuid, { now: services.clock.now() }, (instance) => {
    if (!Object.hasOwn(instance.metadata, key)) throw noItem()
    requireAllowed('delete_instance_metadata', instance, call)
    const { [key]: _removed, ...rest } = instance.metadata
    return { metadata: rest }
  })
}

export const metadataRoutes = (services: Services): readonly Route[] => [
  serve(spec.listMetadata, async (call) => {
    const { metadata } = await getServer(call, services, `${RULE}:index`)
    return { body: { metadata } }
  }),
  serve(spec.showMetadata, async (call) => {
    const { metadata } = await getServer(call, services, `${RULE}:show`)
    const key = call.params['id'] ?? ''
    if (!Object.hasOwn(metadata, key)) throw noItem()
    return { body: { meta: { [key]: metadata[key] } } }
  }),
  serve(spec.addMetadata, async (call) => {
    const { metadata } = await change(call, services, 'create', (now) => ({ ...now, ...call.body.metadata }))
    return { body: { metadata } }
  }),
  serve(spec.replaceMetadata, async (call) => {
    const { metadata } = await change(call, services, 'update_all', () => call.body.metadata)
    return { body: { metadata } }
  }),
  serve(spec.setMetadata, async (call) => {
    const { meta } = call.body
    await change(call, services, 'update', (now) => {
      if (!Object.hasOwn(meta, call.params['id'] ?? '')) throw badRequest('Request body and URI mismatch')
      return { ...now, ...meta }
    })
    return { body: { meta } }
  }),
  serve(spec.removeMetadata, async (call) => {
    await remove(call, services)
    return {}
  }),
]
